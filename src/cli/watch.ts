/** `lanestore watch LOCATION` */
import { setTimeout } from 'node:timers/promises';
import { decodeRecord, isFault, OLDEST_READ, parseTip, readSchema } from '../adapter/level/index.js';
import { LanestoreError } from '../errors.js';
import { SCHEMA_KEY, TIP_KEY } from '../keys/index.js';
import { detectLayout } from '../migrations/index.js';
import { EXIT } from './exit-codes.js';
import { bytesBelow, freeBytes } from './inspect.js';
import { versionsAt } from './key-versions.js';
import { formatBytes, hideClock, isReaderGone, write, writeJson } from './output.js';
import { nextSignal } from './signals.js';
import { type Run, wholeNumber } from './verb.js';
import { WATCH_SECONDS } from './verbs/shared.js';

/** Upper bound of reads if the tip is older than the previous one. */
const READS_MAX = 3;

/** The state of a store at one moment, as read from its files. */
interface Seen {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The newest batch; null if no complete tip was found. */
  readonly seq: bigint | null;
  /** The number after the newest CommitQC. */
  readonly nextRoad: bigint | null;
  /** Sum over all lanes of the number after the newest block. */
  readonly blocks: bigint | null;
  /** Bytes of all files. */
  readonly bytes: number;
  readonly freeBytes: number | null;
  readonly notes: readonly string[];
}

/** A line of `watch --json`. Rates are null in the first line, and if a number is unknown. */
interface WatchLine extends Omit<Seen, 'at'> {
  readonly time: string;
  readonly batchesPerSecond: number | null;
  readonly roadsPerSecond: number | null;
  readonly blocksPerSecond: number | null;
  readonly bytesPerSecond: number | null;
}

/** Runs `watch`. */
export const run: Run = async ([path = ''], options) => {
  const intervalMs = 1000 * wholeNumber(options, 'interval', WATCH_SECONDS, 1);
  const count = wholeNumber(options, 'count', Number.POSITIVE_INFINITY, 1);
  const location = await requireStore(path);
  const ending = new AbortController();
  void nextSignal().then(() => ending.abort());
  let last: Seen | undefined;
  for (let lines = 0; lines < count && !ending.signal.aborted && !isReaderGone(); lines++) {
    if (last !== undefined && !(await slept(last.at + intervalMs - Date.now(), ending.signal))) break;
    const seen = await look(location, last?.seq ?? 0n);
    const line = lineOf(seen, last);
    if (options.json === true) await writeJson(line);
    else await write(`${textOf(line)}\n`);
    last = seen;
  }
  hideClock();
  return last?.seq === null ? EXIT.damaged : EXIT.ok;
};

/** Waits. False if a signal ended the wait. */
async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await setTimeout(Math.max(0, ms), undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

/**
 * The real path of a store that this version reads.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_IO.
 */
async function requireStore(path: string): Promise<string> {
  const { layout, location } = await detectLayout(path);
  if (layout !== 'level') throw new LanestoreError('LANESTORE_NOT_A_STORE', `${location} is no store: it is ${layout}`);
  const { versions, notes } = await versionsAt(location, SCHEMA_KEY);
  const schema = versions[0]?.value;
  if (schema != null) readSchema(schema, undefined, OLDEST_READ);
  else if (notes.length === 0)
    throw new LanestoreError('LANESTORE_NOT_A_STORE', `${location} holds a LevelDB of another program`);
  return location;
}

/**
 * Reads the store. If a node starts a new log during a read, the newest tip may be missed, so an
 * older tip is read again.
 */
async function look(location: string, seqMin: bigint): Promise<Seen> {
  for (let reads = 1; ; reads++) {
    const { versions, notes } = await versionsAt(location, TIP_KEY);
    const tip = tipIn(versions[0]?.value);
    if (tip !== undefined && tip.seq < seqMin && reads < READS_MAX) continue;
    return {
      at: Date.now(),
      seq: tip?.seq ?? null,
      nextRoad: tip?.qc.next ?? null,
      blocks: tip === undefined ? null : [...tip.lanes.values()].reduce((sum, { next }) => sum + next, 0n),
      bytes: bytesBelow(location).reduce((sum, { bytes }) => sum + bytes, 0),
      freeBytes: freeBytes(location),
      notes,
    };
  }
}

function tipIn(value: Uint8Array | null | undefined) {
  if (value == null) return undefined;
  const record = decodeRecord(TIP_KEY, value);
  const tip = isFault(record) ? undefined : parseTip(record.body);
  return typeof tip === 'string' ? undefined : tip;
}

function lineOf({ at, ...seen }: Seen, last: Seen | undefined): WatchLine {
  const seconds = last === undefined ? 0 : (at - last.at) / 1000;
  const rate = (now: bigint | number | null, before: bigint | number | null | undefined) =>
    now === null || before == null || seconds <= 0 ? null : round((Number(now) - Number(before)) / seconds);
  return {
    time: new Date(at).toISOString(),
    ...seen,
    batchesPerSecond: rate(seen.seq, last?.seq),
    roadsPerSecond: rate(seen.nextRoad, last?.nextRoad),
    blocksPerSecond: rate(seen.blocks, last?.blocks),
    bytesPerSecond: rate(seen.bytes, last?.bytes),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function textOf(line: WatchLine): string {
  const { time, seq, nextRoad, blocks, bytes, notes } = line;
  const part = (name: string, value: bigint | null, rate: number | null) =>
    `${name} ${value ?? 'unknown'}${rate === null ? '' : ` (${rate}/s)`}`;
  const growth = line.bytesPerSecond;
  const sign = growth !== null && growth < 0 ? '-' : '+';
  const grown = growth === null ? '' : ` (${sign}${formatBytes(Math.round(Math.abs(growth)))}/s)`;
  return [
    time,
    part('batch', seq, line.batchesPerSecond),
    part('road', nextRoad, line.roadsPerSecond),
    part('blocks', blocks, line.blocksPerSecond),
    `${formatBytes(bytes)}${grown}`,
    line.freeBytes === null ? 'unknown free space' : `${formatBytes(line.freeBytes)} free`,
    ...notes.map((text) => `note: ${text}`),
  ].join('  ');
}
