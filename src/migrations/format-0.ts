/**
 * Format 0 as a source: a LevelDB with bare CBOR bodies under keys without padding. During the step
 * to format 1 some entries are already converted. An entry is converted if its value is a whole
 * record of its key. A bare body is never taken for a record: it begins as a map or a byte string,
 * and a record begins as an array.
 */

import { Decoder } from 'cbor-x';
import type { Engine, Entry } from '../adapter/level/conversion.js';
import { decodeRecord, isFault } from '../adapter/level/index.js';
import { anchorPoint } from '../adapter/round-plan.js';
import { type Finding, isLanestoreError, LanestoreError } from '../errors.js';
import { type Format0Key, parseFormat0Key } from '../keys/format-0.js';
import { ANCHOR_KEY, INNER_KEY, type LaneId, parseKey } from '../keys/index.js';
import type { EntryCodec, Model } from '../model/model.js';
import { refuse, type Source, type SourceEntry } from './source.js';

/** The options of docs/design.md, CBOR: maps become objects. */
const decoder = new Decoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });

/** The entries of one log: the key of each number. */
type KeysOf = Map<bigint, string>;

/** A store of format 0, or one on its way to format 1. */
export class Format0Content<B, Q, A> {
  readonly #engine: Engine;
  readonly #model: Model<B, Q, A>;
  readonly #location: string;
  readonly #commitQCs: KeysOf = new Map();
  readonly #lanes = new Map<LaneId, KeysOf>();

  private constructor(engine: Engine, model: Model<B, Q, A>, location: string) {
    this.#engine = engine;
    this.#model = model;
    this.#location = location;
  }

  /** Reads all keys. @throws LANESTORE_IMPORT with every key that belongs to neither format. */
  static async read<B, Q, A>(
    engine: Engine,
    model: Model<B, Q, A>,
    location: string,
  ): Promise<Format0Content<B, Q, A>> {
    const content = new Format0Content(engine, model, location);
    const strays: Finding[] = [];
    for await (const [key] of everyEntry(engine)) {
      if (parseKey(key)?.kind === 'event' || content.#register(key)) continue;
      strays.push({ kind: 'stray', key, detail: 'no key of format 0 reads like this' });
    }
    refuse(location, strays);
    return content;
  }

  /**
   * Its entries, for a reader that applies a node's start rules.
   * @throws LANESTORE_IMPORT if the anchor or the inner state cannot be decoded.
   */
  async source(): Promise<Source<B, Q, A>> {
    try {
      return await this.#source();
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_CORRUPT')) throw error;
      refuse(this.#location, error.findings ?? []);
      throw error;
    }
  }

  async #source(): Promise<Source<B, Q, A>> {
    const model = this.#model;
    const anchor = await this.#anchor();
    const inner = await this.#engine.get(INNER_KEY);
    return {
      layout: 'level',
      location: this.#location,
      anchor: anchor === undefined ? undefined : { entry: anchor, point: anchorPoint(model, anchor) },
      inner: inner === undefined ? undefined : this.#inner(inner),
      commitQCLog: { leastNext: 0n },
      lanes: new Map([...this.#lanes.keys()].sort().map((lane) => [lane, { leastNext: 0n }])),
      commitQCs: () =>
        this.#entries(this.#commitQCs, model.commitQC, (qc, index) => wrong(model.commitQC.index(qc) === index)),
      blocks: (lane) =>
        this.#entries(this.#lanes.get(lane) ?? new Map(), model.block, (block, number) =>
          wrong(model.block.number(block) === number && model.block.lane(block) === lane),
        ),
      notes: [],
      close: async () => undefined,
    };
  }

  #register(key: string): boolean {
    const parsed = namedBy(key);
    if (parsed === undefined) return false;
    if (parsed.kind === 'commitQC') this.#commitQCs.set(parsed.index, key);
    if (parsed.kind !== 'block') return true;
    const keys = this.#lanes.get(parsed.lane) ?? new Map();
    this.#lanes.set(parsed.lane, keys.set(parsed.number, key));
    return true;
  }

  async #anchor(): Promise<A | undefined> {
    const value = await this.#engine.get(ANCHOR_KEY);
    return value === undefined ? undefined : this.#decode(ANCHOR_KEY, value, this.#model.anchor);
  }

  #inner(value: Uint8Array): Uint8Array {
    const body = bodyOf(INNER_KEY, value);
    if (body instanceof Uint8Array) return new Uint8Array(body);
    throw damaged(INNER_KEY, 'its value is no byte string');
  }

  async *#entries<T>(
    keys: KeysOf,
    codec: EntryCodec<T>,
    disagreement: (entry: T, number: bigint) => string | undefined,
  ): AsyncGenerator<SourceEntry<T>, void, void> {
    const numbers = [...keys.keys()].sort((a, b) => (a < b ? -1 : 1));
    for (const number of numbers) {
      const key = keys.get(number)!;
      const value = await this.#engine.get(key);
      if (value === undefined) throw damaged(key, 'it is gone');
      const entry = this.#decode(key, value, codec);
      const reason = disagreement(entry, number);
      if (reason !== undefined) throw damaged(key, reason);
      yield { entry, number, wire: codec.toWire(entry), place: { key } };
    }
  }

  #decode<T>(key: string, value: Uint8Array, codec: EntryCodec<T>): T {
    const body = bodyOf(key, value);
    try {
      return codec.fromBody(body);
    } catch (error) {
      throw damaged(key, (error as Error).message);
    }
  }
}

/** The entry that a key of either format names; undefined for other keys. */
export function namedBy(key: string): Format0Key | undefined {
  const old = parseFormat0Key(key);
  if (old !== undefined) return old;
  const parsed = parseKey(key);
  return parsed?.kind === 'block' || parsed?.kind === 'commitQC' ? parsed : undefined;
}

/** True if the value is a whole record of format 1. */
export function isConverted(key: string, value: Uint8Array): boolean {
  return !isFault(decodeRecord(key, value));
}

/**
 * The body of a value, converted or not, in memory of its own.
 * @throws LANESTORE_CORRUPT with the finding.
 */
export function bodyOf(key: string, value: Uint8Array): unknown {
  const record = decodeRecord(key, value);
  if (!isFault(record)) return record.body;
  try {
    // Copied into a plain Uint8Array: decoding a Buffer would return Buffers.
    return decoder.decode(new Uint8Array(value));
  } catch (error) {
    throw damaged(key, `its value is not one CBOR item: ${(error as Error).message}`);
  }
}

/** Every key with its value, ascending, from one snapshot. */
export async function* everyEntry(engine: Engine): AsyncGenerator<Entry, void, void> {
  for await (const portion of engine.portions({ gte: '', lt: '\u007f' })) yield* portion;
}

function wrong(agrees: boolean): string | undefined {
  return agrees ? undefined : 'its content is that of another key';
}

function damaged(key: string, detail: string): LanestoreError {
  return new LanestoreError('LANESTORE_CORRUPT', `${key}: ${detail}`, {
    findings: [{ kind: 'entry-undecodable', key, detail }],
  });
}
