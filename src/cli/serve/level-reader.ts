/** Reads a store through a view of a private copy. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openView } from '../../adapter/level/index.js';
import { isLanestoreError } from '../../errors.js';
import type { StoreView } from '../../index.js';
import { blockRange, commitQCKey, ENTRY_NUMBER_MAX, parseKey } from '../../keys/index.js';
import { AbsentError } from '../command-error.js';
import { decodeEntry } from '../entries.js';
import { type Protocol, withProtocol } from '../protocols.js';
import { fullKey, theLane } from '../short-keys.js';
import { type LaneRow, laneRow, type Round, roundLanes, type ShownEntry, type StateReader } from './reader.js';

/** Bytes of a record before and after its body (docs/format.md). */
const [HEAD_BYTES, TAIL_BYTES] = [2, 5];

/** Opens a view that reads single entries, without a scan of the records. @throws as `openView`. */
export function openLevelReader(location: string): Promise<StateReader> {
  return withProtocol(location, async (protocol): Promise<StateReader> => {
    const view = await openWithValues(location, protocol);
    try {
      return new LevelReader(view, protocol, await protocol.checks());
    } catch (error) {
      await view.close();
      throw error;
    }
  });
}

/**
 * Opens a view. A copy of value files requires a read of all keys and inline values. A store
 * without value files is therefore opened without them.
 */
async function openWithValues<B, Q, A>(location: string, { model }: Protocol<B, Q, A>): Promise<StoreView<B, Q, A>> {
  const options = { model, examine: false, tableCheckBytesMax: 0 };
  if (hasValueFiles(location)) return openView(location, options);
  const view = await openView(location, { ...options, values: false });
  // A node may have created the first value file before the copy was made.
  if (!hasValueFiles(location)) return view;
  await view.close();
  return openView(location, options);
}

function hasValueFiles(location: string): boolean {
  const directory = join(location, 'values');
  return existsSync(directory) && readdirSync(directory).length > 0;
}

class LevelReader<B, Q, A> implements StateReader {
  readonly #view: StoreView<B, Q, A>;
  readonly #protocol: Protocol<B, Q, A>;
  readonly #checks: Awaited<ReturnType<Protocol<B, Q, A>['checks']>>;

  constructor(
    view: StoreView<B, Q, A>,
    protocol: Protocol<B, Q, A>,
    checks: Awaited<ReturnType<Protocol<B, Q, A>['checks']>>,
  ) {
    this.#view = view;
    this.#protocol = protocol;
    this.#checks = checks;
  }

  async lane(text: string, from: bigint, limit: number): Promise<readonly LaneRow[]> {
    const lane = theLane(text, this.#view.cursors.lanes.keys());
    const roads = this.#view.cursors.commitQCs;
    const rows: LaneRow[] = [];
    let before = from === 0n ? undefined : await this.#blockBefore(lane, from);
    const end = from + BigInt(limit);
    const to = end < ENTRY_NUMBER_MAX ? end : ENTRY_NUMBER_MAX;
    for await (const viewed of this.#view.entries(blockRange(lane, from, to))) {
      const parsed = parseKey(viewed.key);
      if (parsed?.kind !== 'block') continue;
      const { number } = parsed;
      const { bytes, value, finding, hashes } = decodeEntry(viewed, this.#protocol);
      const place = { number, key: viewed.key, bytes };
      if (finding !== undefined || hashes === undefined) {
        rows.push({ ...place, finding: finding ?? { kind: 'record-body', detail: 'it cannot be decoded' } });
        before = undefined;
        continue;
      }
      const block = value as B;
      const last = before?.number === number - 1n ? before.block : undefined;
      rows.push(laneRow(place, block, () => this.#checks.block?.(block, last, roads), this.#protocol));
      before = { number, block };
    }
    return rows;
  }

  async entry(typed: string): Promise<ShownEntry> {
    const view = this.#view;
    const key = fullKey(typed, view.cursors.lanes.keys());
    const viewed = await view.get(key);
    if (viewed === undefined) throw new AbsentError(`there is no ${key} in ${view.location}`);
    const entry = decodeEntry(viewed, this.#protocol);
    return { ...entry, raw: viewed.value, cbor: viewed.value.subarray(HEAD_BYTES, -TAIL_BYTES) };
  }

  async round(road: bigint): Promise<Round> {
    const { anchor, cursors, votes } = this.#view;
    const { manifest, model } = this.#protocol;
    const { qc, ...fault } = await this.#commitQC(road);
    const commitQC = qc === undefined ? null : manifest.commitQC(qc);
    const isAnchor = anchor !== undefined && model.anchor.index(anchor) === road;
    const given = [...(votes?.logs ?? [])].flatMap(([log, { watermark }]) =>
      watermark?.at[0] === road ? [{ log, ...watermark }] : [],
    );
    return {
      road,
      commitQC,
      ...fault,
      lanes: commitQC === null ? [] : roundLanes(commitQC, (lane) => cursors.lanes.get(lane)),
      anchor: isAnchor ? manifest.anchor(anchor) : null,
      appQCs: [],
      votes: given,
      first: cursors.commitQCs.first,
      next: cursors.commitQCs.next,
    };
  }

  close(): Promise<void> {
    return this.#view.close();
  }

  async #commitQC(road: bigint): Promise<{ readonly qc?: Q; readonly finding?: NonNullable<Round['finding']> }> {
    try {
      const qc = await this.#view.commitQC(road);
      return qc === undefined ? {} : { qc };
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_CORRUPT')) throw error;
      const [finding] = error.findings ?? [];
      return { finding: finding ?? { kind: 'record-body', detail: `${commitQCKey(road)}: ${error.message}` } };
    }
  }

  /** The block before number `from`; undefined if it is absent or damaged. */
  async #blockBefore(lane: string, from: bigint): Promise<{ number: bigint; block: B } | undefined> {
    try {
      const block = await this.#view.block(lane, from - 1n);
      return block === undefined ? undefined : { number: from - 1n, block };
    } catch (error) {
      if (isLanestoreError(error, 'LANESTORE_CORRUPT')) return undefined;
      throw error;
    }
  }
}
