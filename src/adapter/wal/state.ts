/** Reads a whole state directory without changing it. */
import { join } from 'node:path';
import { fields, string } from '../../base/options.js';
import type { Finding } from '../../errors.js';
import { entryNumber, type LaneId } from '../../keys/index.js';
import type { EntryCodec, Model } from '../../model/model.js';
import { MODEL_CHECK } from '../../model/option-checks.js';
import { FindingList } from '../finding-list.js';
import type { Recovered } from '../persistence.js';
import type { AnchorPoint } from '../planner.js';
import type { ABScan } from './ab-file.js';
import type { LogCodec } from './entries.js';
import { mapLimited } from './io.js';
import { BLOCKS_DIR, COMMIT_QCS_DIR, claimLocation, isNoLane, listLanes } from './layout.js';
import { refuseNewerNode } from './newer-node.js';
import { scanPairs } from './pairs.js';
import { type LogScan, scanLog } from './scan.js';

/** Logs that are read or opened at a time: while one waits for the disk, others proceed. */
export const LOGS_AT_A_TIME = 8;

/** The content of a state directory. */
export interface StateScan<B, Q, A> {
  readonly anchorPair: ABScan;
  readonly innerPair: ABScan;
  readonly anchor: { readonly entry: A; readonly point: AnchorPoint } | undefined;
  readonly inner: Uint8Array | undefined;
  readonly commitQCs: LogScan<Q>;
  /**
   * Ascending by lane. A log's directory may have its name in upper case, while openWal uses lower
   * case.
   */
  readonly lanes: ReadonlyMap<LaneId, LogScan<B>>;
  /** Directories in `blocks/` of lanes whose removal was interrupted. */
  readonly dropped: readonly string[];
  readonly notes: readonly string[];
  /** All damage, in all files. */
  readonly findings: readonly Finding[];
  /** Number of findings, which may be more than `findings` keeps. */
  readonly findingsTotal: number;
}

/** The codec of a lane's blocks. */
export function blockCodec<B>(model: Model<B, unknown, unknown>, lane: LaneId): LogCodec<B> {
  const { block } = model;
  return {
    encode: (entry) => block.toWire(entry),
    decode(bytes) {
      const entry = block.fromWire(bytes);
      if (block.lane(entry) !== lane) throw new Error(`a block of lane ${block.lane(entry)}`);
      entryNumber(block.number(entry), 'block number');
      return entry;
    },
    number: (entry) => block.number(entry),
    ...shapeOf(block),
  };
}

/** The codec of the CommitQCs. */
export function commitQCCodec<Q>(model: Model<unknown, Q, unknown>): LogCodec<Q> {
  const { commitQC } = model;
  return {
    encode: (entry) => commitQC.toWire(entry),
    decode(bytes) {
      const entry = commitQC.fromWire(bytes);
      entryNumber(commitQC.index(entry), 'road index');
      return entry;
    },
    number: (entry) => commitQC.index(entry),
    ...shapeOf(commitQC),
  };
}

function shapeOf<T>(codec: EntryCodec<T>): Pick<LogCodec<T>, 'isShaped'> {
  return codec.isWireShaped === undefined ? {} : { isShaped: (bytes) => codec.isWireShaped!(bytes) };
}

/** Reads everything, and collects all findings, not only the first one. @throws LANESTORE_IO. */
export async function scanState<B, Q, A>(location: string, model: Model<B, Q, A>): Promise<StateScan<B, Q, A>> {
  const { anchorPair, innerPair, anchor, inner, ...pairs } = await scanPairs(location, model);
  const findings = new FindingList();
  findings.addAll(pairs.findings);
  const { lanes, dropped, strays, ...names } = await listLanes(location);
  findings.addAll(names.findings);
  const commitQCs = await scanLog(join(location, COMMIT_QCS_DIR), commitQCCodec(model), { directory: COMMIT_QCS_DIR });
  const scans = await mapLimited(lanes, LOGS_AT_A_TIME, ({ lane, name }) =>
    scanLog(join(location, BLOCKS_DIR, name), blockCodec(model, lane), { directory: `${BLOCKS_DIR}/${name}`, lane }),
  );
  const skipped = [...strays, ...commitQCs.strays.map((name) => `${COMMIT_QCS_DIR}/${name}`)];
  const logs = new Map<LaneId, LogScan<B>>();
  for (const [i, scan] of scans.entries()) {
    const { lane, name } = lanes[i]!;
    if (isNoLane(lane, scan)) skipped.push(`${BLOCKS_DIR}/${name}`);
    else logs.set(lane, scan);
    for (const stray of scan.strays) skipped.push(`${BLOCKS_DIR}/${name}/${stray}`);
  }
  for (const scan of [commitQCs, ...scans]) findings.addAll(scan.findings, scan.findingsTotal);
  const notes = [...pairs.notes, ...skipped.map((name) => `skipped ${name}`)];
  const { kept, total } = findings;
  return {
    anchorPair,
    innerPair,
    anchor,
    inner,
    commitQCs,
    lanes: logs,
    dropped,
    notes,
    findings: kept,
    findingsTotal: total,
  };
}

const checkReadWalOptions = fields<{ readonly model: Model<unknown, unknown, unknown> }>(MODEL_CHECK);

/** The content as it is on disk, entries below the anchor included. */
export interface WalContent<B, Q, A> extends Recovered<B, Q, A> {
  /** Descriptions of torn tails. Their bytes are not in the entries, and stay on disk. */
  readonly torn: readonly string[];
  /** Names that were skipped, and values that were read from the other copy. */
  readonly notes: readonly string[];
  /**
   * Damage, at most 1,000 findings. If there is any, only the entries before the damage are
   * returned.
   */
  readonly findings: readonly Finding[];
  /** Number of findings, also of those beyond the 1,000. */
  readonly findingsTotal: number;
}

/**
 * Reads a state directory as it is: changes nothing, creates nothing, takes no lock. In the
 * directory of a running node, a write in progress looks like a torn tail, and a truncation in
 * progress can remove a file while it is read. The call then rejects with LANESTORE_IO: call again.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_CORRUPT (links or special files),
 * LANESTORE_IO.
 * @example
 * ```ts
 * import { autobahn, readWal } from 'lanestore';
 *
 * const { anchor, blocks, findings } = await readWal('data', { model: autobahn });
 * console.log(anchor?.commitQC.vote.view.index, [...blocks.keys()], findings);
 * ```
 */
export async function readWal<B, Q, A>(
  directory: string,
  options: { readonly model: Model<B, Q, A> },
): Promise<WalContent<B, Q, A>> {
  string(directory, 'readWal: directory');
  checkReadWalOptions(options, 'readWal: options');
  const location = await claimLocation(directory, false);
  await refuseNewerNode(location);
  const scan = await scanState(location, options.model);
  const logs: [string, LogScan<unknown>][] = [[COMMIT_QCS_DIR, scan.commitQCs]];
  for (const [lane, log] of scan.lanes) logs.push([`${BLOCKS_DIR}/${lane}`, log]);
  const torn = logs.flatMap(([name, log]) =>
    log.torn === undefined ? [] : [`${name}/${log.torn.name}: ${log.torn.bytes.length} bytes at byte ${log.torn.at}`],
  );
  return {
    ...(scan.anchor === undefined ? {} : { anchor: scan.anchor.entry }),
    ...(scan.inner === undefined ? {} : { inner: scan.inner }),
    commitQCs: scan.commitQCs.entries,
    blocks: new Map([...scan.lanes].flatMap(([lane, log]) => (log.entries.length > 0 ? [[lane, log.entries]] : []))),
    torn,
    notes: scan.notes,
    findings: scan.findings,
    findingsTotal: scan.findingsTotal,
  };
}
