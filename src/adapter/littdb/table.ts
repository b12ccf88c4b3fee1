/**
 * Reads a LittDB table from its segments, without its index (the keymap) and without changing
 * anything. The rules are those of the original, and stricter where it loses rows without a word:
 *
 * - An unsealed segment counts up to the last group whose keys and value are whole: a crash leaves
 *   such a beginning of what was written.
 * - In a sealed segment every group must be there, as many keys as its metadata says.
 * - Segments follow each other. A segment without metadata is damage if it has keys: the original
 *   deletes its files, and comes up without its rows, or empty.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openToRead, readFully, readRegular } from '../../base/open-file.js';
import type { Finding, FindingKind } from '../../errors.js';
import { reading, systemCode } from '../wal/io.js';
import { type KeyGroup, readKeys, readMetadata, type SegmentMetadata, type ValuePlace } from './format.js';

/** The rows of a table. */
export interface LittTable {
  /** In the order in which they were written. */
  readonly groups: readonly KeyGroup[];
  readonly notes: readonly string[];
  readonly findings: readonly Finding[];
  /** The file of a value, relative to the location. */
  fileOf(place: ValuePlace): string;
  /** @throws LANESTORE_IO. */
  read(place: ValuePlace): Promise<Uint8Array>;
}

const FILE = /^([0-9]{1,10})(?:\.(metadata|keys)|-([0-9]{1,3})\.values)$/;

interface SegmentFiles {
  metadata?: string;
  keys?: string;
  readonly values: string[];
}

/**
 * Reads the keys of the table whose segments are in `path`; `directory` is that path relative to
 * the location.
 * @throws LANESTORE_IO.
 */
export async function readTable(path: string, directory: string): Promise<LittTable> {
  const names = await reading(`list ${path}`, () => namesIn(path));
  return new TableReading(path, directory).run(names);
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

class TableReading {
  readonly #path: string;
  readonly #directory: string;
  readonly #groups: KeyGroup[] = [];
  readonly #notes: string[] = [];
  readonly #findings: Finding[] = [];

  constructor(path: string, directory: string) {
    this.#path = path;
    this.#directory = directory;
  }

  async run(names: readonly string[]): Promise<LittTable> {
    const segments = this.#segments(names);
    const newest = Math.max(...segments.keys());
    let before: number | undefined;
    for (const [number, files] of segments) {
      if (before !== undefined && number !== before + 1) {
        this.#find('segment-gap', `${number}.keys`, `the segments between ${before} and ${number} are missing`);
      }
      before = number;
      await this.#segment(number, files, number === newest);
    }
    return {
      groups: this.#groups,
      notes: this.#notes,
      findings: this.#findings,
      fileOf: (place) => this.#file(valuesName(place.segment, place.shard)),
      read: (place) => this.#read(place),
    };
  }

  #segments(names: readonly string[]): Map<number, SegmentFiles> {
    const segments = new Map<number, SegmentFiles>();
    for (const name of names) {
      const [, digits, ending] = FILE.exec(name) ?? [];
      if (digits === undefined) {
        const what = name.endsWith('.swap')
          ? 'an interrupted write of metadata left it'
          : 'it is not part of the layout';
        this.#notes.push(`skipped ${this.#file(name)}: ${what}`);
        continue;
      }
      const files = segments.get(Number(digits)) ?? { values: [] };
      segments.set(Number(digits), files);
      if (ending === 'metadata' || ending === 'keys') files[ending] = name;
      else files.values.push(name);
    }
    return new Map([...segments].sort(([a], [b]) => a - b));
  }

  async #segment(number: number, { metadata, keys, values }: SegmentFiles, isNewest: boolean): Promise<void> {
    if (metadata === undefined) return this.#withoutMetadata(number, keys, values);
    const parsed = readMetadata(await this.#bytes(metadata));
    if ('detail' in parsed) return this.#find(parsed.kind, metadata, parsed.detail);
    const missing = [
      ...(keys === undefined ? [`${number}.keys`] : []),
      ...Array.from({ length: parsed.shards }, (_, shard) => valuesName(number, shard)).filter(
        (name) => !values.includes(name),
      ),
    ];
    for (const name of missing) this.#find('segment-gap', name, 'it is missing');
    if (missing.length === 0) await this.#groupsOf(number, parsed, keys!, values, isNewest);
  }

  async #withoutMetadata(number: number, keys: string | undefined, values: readonly string[]): Promise<void> {
    const bytes = keys === undefined ? 0 : (await this.#bytes(keys)).length;
    if (bytes === 0) {
      for (const name of [...(keys === undefined ? [] : [keys]), ...values]) {
        this.#notes.push(`skipped ${this.#file(name)}: its segment has no metadata and no keys`);
      }
      return;
    }
    const detail = `it is missing, and the segment holds ${bytes} bytes of keys: a node would delete them without a word`;
    this.#find('segment-gap', `${number}.metadata`, detail);
  }

  async #groupsOf(
    number: number,
    { keys: promised, isSealed }: SegmentMetadata,
    keys: string,
    values: readonly string[],
    isNewest: boolean,
  ): Promise<void> {
    const scan = readKeys(await this.#bytes(keys));
    const lengths = new Map<string, number>();
    for (const name of values) lengths.set(name, await this.#length(name));
    const foreign = scan.groups.find(({ segment }) => segment !== number);
    if (foreign !== undefined) {
      this.#find('entry-name', keys, `a key names a value in segment ${foreign.segment}`, foreign.at);
      return;
    }
    const isThere = ({ shard, offset, size }: KeyGroup) =>
      offset + size <= (lengths.get(valuesName(number, shard)) ?? -1);
    const isTolerant = !isSealed && isNewest;
    const absent = scan.groups.findIndex((group) => !isThere(group));
    this.#groups.push(...(absent === -1 ? scan.groups : scan.groups.slice(0, absent)));
    if (scan.problem !== undefined) this.#tail(isTolerant, 'entry-cut', keys, scan.end, scan.problem);
    if (absent !== -1) {
      const { shard, offset, size, at } = scan.groups[absent]!;
      const what = `the value at [${offset}, ${offset + size}) is not all there`;
      const rest = `${scan.groups.length - absent} groups from byte ${at} of ${keys} on: ${what}`;
      this.#tail(isTolerant, 'entry-cut', valuesName(number, shard), offset, rest);
    }
    if (isSealed && scan.problem === undefined && scan.records !== promised) {
      this.#find('entries-missing', keys, `it holds ${scan.records} keys, its metadata says ${promised}`);
    }
  }

  /**
   * What is behind the whole groups: a torn tail of the segment that is written to, else damage.
   */
  #tail(isTolerant: boolean, kind: FindingKind, name: string, offset: number, detail: string): void {
    if (isTolerant) this.#notes.push(`${this.#file(name)}: an interrupted write is left out: ${detail}`);
    else this.#find(kind, name, detail, offset);
  }

  async #read({ segment, shard, offset, size }: ValuePlace): Promise<Uint8Array> {
    const path = join(this.#path, valuesName(segment, shard));
    return reading(`read ${path}`, async () => {
      const { handle } = await openToRead(path);
      try {
        const bytes = new Uint8Array(size);
        const read = await readFully(handle.fd, bytes, offset);
        return bytes.subarray(0, read);
      } finally {
        await handle.close();
      }
    });
  }

  async #length(name: string): Promise<number> {
    return reading(`open ${join(this.#path, name)}`, async () => {
      const { handle, size } = await openToRead(join(this.#path, name));
      await handle.close();
      return size;
    });
  }

  #bytes(name: string): Promise<Buffer> {
    return reading(`read ${join(this.#path, name)}`, () => readRegular(join(this.#path, name)));
  }

  #file(name: string): string {
    return `${this.#directory}/${name}`;
  }

  #find(kind: FindingKind, name: string, detail: string, offset?: number): void {
    this.#findings.push({ kind, file: this.#file(name), ...(offset === undefined ? {} : { offset }), detail });
  }
}

function valuesName(segment: number, shard: number): string {
  return `${segment}-${shard}.values`;
}
