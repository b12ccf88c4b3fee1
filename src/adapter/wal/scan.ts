/** Reads a log without changing it: its entries, what needs repair, and what is damaged. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegular } from '../../base/open-file.js';
import type { Finding, FindingKind } from '../../errors.js';
import { FindingList } from '../finding-list.js';
import { type Fault, type LogCodec, readCost, readEntries, readTurns } from './entries.js';
import { type Frame, readFrame } from './frame.js';
import { corruptionError, reading, systemCode } from './io.js';
import { type CleanupStep, type ListedSegment, readListing, type SegmentName } from './names.js';
import { damageInTail } from './torn.js';

/** A segment, as a log keeps it in memory. */
export interface Segment extends SegmentName {
  /** Number of its entries. */
  readonly count: number;
}

/** A torn tail: the newest segment's bytes from `at` on. */
export interface TornTail {
  readonly name: string;
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** The content of a log's directory. */
export interface LogScan<T> {
  readonly directory: string;
  /**
   * Ascending; the last one is the tail, which is appended to. Empty if there never was a segment.
   */
  readonly segments: readonly Segment[];
  /** The tail's entries as encoded in the file, lengths included. */
  readonly tail: readonly Uint8Array[];
  /** All entries, in order. */
  readonly entries: readonly T[];
  /** Steps that finish an interrupted truncation; `segments` already has the final names. */
  readonly cleanup: readonly CleanupStep[];
  /** The unacknowledged end of the newest segment, if there is one. Not part of `tail`. */
  readonly torn?: TornTail;
  /** Damage. If there is any, no other field is reliable. */
  readonly findings: readonly Finding[];
  /** Number of findings, which may be more than `findings` keeps. */
  readonly findingsTotal: number;
  /** Names that are not part of a log. */
  readonly strays: readonly string[];
}

/**
 * Where a log is, for its findings: the directory relative to the location, and the lane if the log
 * is a lane's.
 */
export interface ScanPlace {
  /** The log's directory, relative to the location; '' for a log outside of a state directory. */
  readonly directory: string;
  readonly lane?: string;
}

/** The segments of a log that are to be read. */
export interface LogFiles {
  readonly directory: string;
  readonly place: ScanPlace;
  /** Ascending. */
  readonly segments: readonly ListedSegment[];
}

/** Reads a file; the bytes are valid until the next call. */
export type ReadFile = (path: string) => Promise<Uint8Array>;

/**
 * The steps of a scan, in order: the beginning of each segment, then its entries, then its finding
 * or torn tail. `supersedes`: the segment repeats the end of the one before it, and all earlier
 * segments are obsolete. A torn tail is the last step; its `bytes` are those of the whole segment.
 */
export type ScanStep<T> =
  | { readonly kind: 'segment'; readonly segment: ListedSegment; readonly supersedes: boolean }
  | {
      readonly kind: 'entry';
      readonly entry: T;
      readonly frame: Frame;
      readonly bytes: Uint8Array;
      readonly file: string;
    }
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'torn'; readonly fault: Fault; readonly bytes: Uint8Array; readonly file: string };

/**
 * Reads a log. Changes nothing on disk. An absent directory is a log that never held an entry.
 * @throws LANESTORE_IO; damage is in `findings`.
 */
export async function scanLog<T>(
  directory: string,
  codec: LogCodec<T>,
  place: ScanPlace,
  readFile: ReadFile = readRegular,
): Promise<LogScan<T>> {
  const { files, others } = await listFiles(directory);
  const { segments: listed, problem, temps, ...names } = readListing(files);
  const cleanup: CleanupStep[] = [...names.cleanup, ...temps.map((name) => ({ kind: 'remove', name }) as const)];
  const findings = new FindingList();
  if (problem !== undefined) findings.add(findingAt(place, '', 'segment-names', problem));
  let segments: { name: string; index: bigint; count: number }[] = [];
  let entries: T[] = [];
  const tail: Uint8Array[] = [];
  let torn: TornTail | undefined;
  for await (const step of scanSegments({ directory, place, segments: listed }, codec, readFile)) {
    if (step.kind === 'entry') {
      entries.push(step.entry);
      segments.at(-1)!.count++;
      if (segments.at(-1)!.name === listed.at(-1)!.name) tail.push(step.bytes.subarray(step.frame.at, step.frame.end));
    } else if (step.kind === 'segment') {
      if (step.supersedes) {
        for (const { name } of segments) cleanup.push({ kind: 'remove', name });
        [segments, entries] = [[], []];
      }
      const { name, index } = step.segment;
      segments.push({ name, index, count: 0 });
    } else if (step.kind === 'finding') {
      findings.add(step.finding);
    } else {
      const { fault, bytes } = step;
      torn = { name: segments.at(-1)!.name, at: fault.at, bytes: bytes.subarray(fault.at) };
    }
  }
  const { kept, total: findingsTotal } = findings;
  const strays = [...names.strays, ...others];
  const scan = { directory, segments, tail, entries, cleanup, findings: kept, findingsTotal, strays };
  return torn === undefined ? scan : { ...scan, torn };
}

async function listFiles(directory: string): Promise<{ files: string[]; others: string[] }> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const isFile = (entry: { isDirectory(): boolean }) => !entry.isDirectory();
    return {
      files: entries.filter(isFile).map(({ name }) => name),
      others: entries.filter((entry) => !isFile(entry)).map(({ name }) => name),
    };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { files: [], others: [] };
    return reading(`list ${directory}`, () => Promise.reject(error));
  }
}

/**
 * The encoded entries of a segment, lengths included.
 * @throws LANESTORE_CORRUPT if one cannot be read or their number is not `count`; LANESTORE_IO.
 */
export async function framesOf<T>(
  directory: string,
  { name, count }: Segment,
  codec: LogCodec<T>,
  readFile: ReadFile,
): Promise<Uint8Array[]> {
  const path = join(directory, name);
  const bytes = await reading(`read ${path}`, () => readFile(path));
  const frames: Uint8Array[] = [];
  let detail: string | undefined;
  for (const read of readEntries(bytes, codec)) {
    if ('kind' in read) detail = read.detail;
    else frames.push(bytes.subarray(read.frame.at, read.frame.end));
    if (!('kind' in read) && readTurns.spend(readCost(read.frame))) await readTurns.next();
  }
  if (frames.length !== count) detail ??= `${frames.length} entries can be read, ${count} were written`;
  if (detail !== undefined)
    throw corruptionError(path, { findings: [{ kind: 'segment-changed', file: name, detail }] });
  return frames;
}

/** The previous segment; the next one must begin at its end. */
interface Previous {
  readonly segment: ListedSegment;
  readonly count: number;
  /** Offset after its last good entry. */
  readonly end: number;
}

/**
 * Reads segments in order, in the memory of one segment. Yields to the event loop when the work of
 * a turn is done. Continues after findings: each segment is read up to its first fault.
 * @throws LANESTORE_IO.
 */
export async function* scanSegments<T>(
  { directory, place, segments }: LogFiles,
  codec: LogCodec<T>,
  readFile: ReadFile,
): AsyncGenerator<ScanStep<T>, void, void> {
  const find = (file: string, kind: FindingKind, detail: string, where: { offset?: number; number?: bigint } = {}) =>
    ({ kind: 'finding', finding: findingAt(place, file, kind, detail, where) }) as const;
  let previous: Previous | undefined;
  let last: bigint | undefined;
  let firstByte: number | undefined;
  for (const [i, segment] of segments.entries()) {
    const path = join(directory, segment.file);
    const file = fileOf(place, segment.file);
    const bytes = await reading(`read ${path}`, () => readFile(path));
    const joint = previous === undefined ? 'joins' : await jointOf(directory, previous, segment, bytes);
    if (typeof joint === 'object') yield find(segment.file, joint.kind, joint.detail);
    yield { kind: 'segment', segment, supersedes: joint === 'supersedes' };
    if (joint === 'supersedes') last = undefined;
    let [count, end] = [0, 0];
    let fault: Fault | undefined;
    for (const read of readEntries(bytes, codec)) {
      if ('kind' in read) {
        fault = read;
        break;
      }
      const { entry, frame } = read;
      const number = codec.number?.(entry);
      if (last !== undefined && number !== undefined && number !== last + 1n) {
        yield find(segment.file, 'number-gap', `${number} follows ${last}`, { offset: frame.at, number });
      }
      last = number;
      firstByte ??= bytes[frame.start];
      count++;
      end = frame.end;
      yield { kind: 'entry', entry, frame, bytes, file };
      if (readTurns.spend(readCost(frame))) await readTurns.next();
    }
    previous = { segment, count, end };
    if (fault === undefined) continue;
    // Only the newest segment can have a torn tail: an older one was complete before the next
    // began.
    const isTail = i === segments.length - 1;
    const damage = isTail ? await damageInTail(bytes, fault, codec, { number: last, firstByte }) : fault.detail;
    if (damage === undefined) yield { kind: 'torn', fault, bytes, file };
    else yield find(segment.file, `entry-${fault.kind}`, damage, { offset: fault.at });
  }
}

/**
 * A segment must begin where the one before it ends. One exception: a truncation writes the end of
 * a segment again, under its own name, and removes the old segment. If a power cut kept only the
 * new name, both segments exist, and the old one is removed.
 */
async function jointOf(
  directory: string,
  { segment: before, count, end }: Previous,
  segment: ListedSegment,
  bytes: Uint8Array,
): Promise<'joins' | 'supersedes' | { readonly kind: FindingKind; readonly detail: string }> {
  const next = before.index + BigInt(count);
  if (next === segment.index) return 'joins';
  if (next < segment.index) {
    return { kind: 'segment-gap', detail: `entries ${next} to ${segment.index - 1n} are missing (by index)` };
  }
  // Read again, into new memory: this case is too rare to keep two segments in memory all the time.
  const path = join(directory, before.file);
  const old = await reading(`read ${path}`, () => readRegular(path));
  let from = 0;
  for (let index = before.index; index < segment.index; index++) from = (readFrame(old, from) as Frame).end;
  const shared = old.subarray(from, end);
  if (Buffer.compare(shared, bytes.subarray(0, shared.length)) === 0) return 'supersedes';
  const detail = `${before.name} holds entries up to ${next - 1n}, beyond the first one of ${segment.name}`;
  return { kind: 'segment-overlap', detail };
}

function fileOf({ directory }: ScanPlace, file: string): string {
  return [directory, file].filter((part) => part !== '').join('/');
}

function findingAt(
  place: ScanPlace,
  file: string,
  kind: FindingKind,
  detail: string,
  where: { readonly offset?: number; readonly number?: bigint } = {},
): Finding {
  const { lane } = place;
  return { kind, detail, ...(lane === undefined ? {} : { lane }), ...where, file: fileOf(place, file) };
}
