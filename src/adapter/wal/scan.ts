/** Reading a log without touching it: what it holds, what is to be mended, and what is beyond mending. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegular } from '../../base/open-file.js';
import type { Finding, FindingKind } from '../../errors.js';
import { FindingList } from '../finding-list.js';
import { copyOf, type Fault, type LogCodec, readEntries } from './entries.js';
import { reading, systemCode } from './io.js';
import { type CleanupStep, type Listing, readListing, type SegmentName } from './names.js';
import { damageInTail } from './torn.js';

/** A segment, as far as a log remembers it. */
export interface Segment extends SegmentName {
  /** Its entries. */
  readonly count: number;
}

/** A torn tail: the newest segment's bytes from `at` on. */
export interface TornTail {
  readonly name: string;
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** What a log's directory holds. */
export interface LogScan<T> {
  readonly directory: string;
  /** Ascending; the last one is the tail, to which entries are appended. Empty if there never was one. */
  readonly segments: readonly Segment[];
  /** The tail's entries as they stand in the file, length included. */
  readonly tail: readonly Uint8Array[];
  /** All entries, in order. */
  readonly entries: readonly T[];
  /** What an interrupted truncation left to do; the segments are named as they will be. */
  readonly cleanup: readonly CleanupStep[];
  /** The end of the tail that no one was told of, if there is one. It is not in `tail`. */
  readonly torn?: TornTail;
  /** What is beyond mending; when there is any, nothing else here may be relied on. */
  readonly findings: readonly Finding[];
  /** How many there are: `findings` holds the first of them. */
  readonly findingsTotal: number;
  /** Names that are no part of a log. */
  readonly strays: readonly string[];
}

/** Says where findings are: the file relative to the location, and the lane if it is one's. */
export interface ScanPlace {
  /** The log's directory, relative to the location; '' for a log of its own. */
  readonly directory: string;
  readonly lane?: string;
}

/**
 * Reads a log. Nothing on disk changes. An absent directory is a log that never held anything. What `readSegment` gives must stay as it is
 * until it has given two more.
 * @throws LANESTORE_IO; damage is in `findings`.
 */
export async function scanLog<T>(
  directory: string,
  codec: LogCodec<T>,
  place: ScanPlace,
  readSegment: (path: string) => Promise<Uint8Array> = readRegular,
): Promise<LogScan<T>> {
  const { files, others } = await listFiles(directory);
  const listing = readListing(files);
  const scan = new Scan(directory, codec, place, listing);
  if (listing.problem !== undefined) scan.find('segment-names', listing.problem);
  for (const segment of listing.segments) {
    const path = join(directory, segment.file);
    await scan.read(segment, await reading(`read ${path}`, () => readSegment(path)));
  }
  return scan.result([...listing.strays, ...others]);
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

class Scan<T> {
  readonly #directory: string;
  readonly #codec: LogCodec<T>;
  readonly #place: ScanPlace;
  readonly #listing: Listing;
  readonly #findings = new FindingList();
  readonly #cleanup: CleanupStep[];
  #segments: Segment[] = [];
  #entries: T[] = [];
  /** The entries of the segment that was read last, as they stand in it. */
  #tail: Uint8Array[] = [];
  #torn: TornTail | undefined;
  #firstByte: number | undefined;

  constructor(directory: string, codec: LogCodec<T>, place: ScanPlace, listing: Listing) {
    this.#directory = directory;
    this.#codec = codec;
    this.#place = place;
    this.#listing = listing;
    this.#cleanup = [...listing.cleanup, ...listing.temps.map((name) => ({ kind: 'remove', name }) as const)];
  }

  find(kind: FindingKind, detail: string, where: { file?: string; offset?: number; number?: bigint } = {}): void {
    const { lane, directory } = this.#place;
    const file = [directory, where.file].filter((part) => part !== undefined && part !== '').join('/');
    this.#findings.add({ kind, detail, ...(lane === undefined ? {} : { lane }), ...where, file });
  }

  /** Takes the segments in ascending order. */
  async read(segment: SegmentName & { file: string }, bytes: Uint8Array): Promise<void> {
    const isTail = segment.name === this.#listing.segments.at(-1)?.name;
    this.#joins(segment, bytes);
    const { frames, entries, fault } = await readEntries(bytes, this.#codec);
    this.#checkNumbers(segment, entries);
    for (const entry of entries) this.#entries.push(entry);
    this.#firstByte ??= bytes[frames[0]?.start ?? bytes.length];
    this.#segments.push({ name: segment.name, index: segment.index, count: entries.length });
    this.#tail = frames.map(({ at, end }) => bytes.subarray(at, end));
    if (fault !== undefined) await this.#judge(segment, bytes, fault, isTail);
  }

  result(strays: readonly string[]): LogScan<T> {
    return {
      directory: this.#directory,
      segments: this.#segments,
      tail: this.#tail,
      entries: this.#entries,
      cleanup: this.#cleanup,
      ...(this.#torn === undefined ? {} : { torn: this.#torn }),
      findings: this.#findings.kept,
      findingsTotal: this.#findings.total,
      strays,
    };
  }

  /**
   * A segment must begin where the one before ends. One exception: a truncation writes the end of a segment once more, under
   * its own name, and removes the old one. Where power was lost and only the new name reached the disk, both are there; the old one goes.
   */
  #joins(segment: SegmentName, bytes: Uint8Array): void {
    const before = this.#segments.at(-1);
    if (before === undefined) return;
    const next = before.index + BigInt(before.count);
    if (next === segment.index) return;
    if (next < segment.index) {
      const detail = `entries ${next} to ${segment.index - 1n} are missing (by index)`;
      this.find('segment-gap', detail, { file: segment.name });
      return;
    }
    const shared = Buffer.concat(this.#tail.slice(Number(segment.index - before.index)));
    if (shared.length > bytes.length || Buffer.compare(shared, bytes.subarray(0, shared.length)) !== 0) {
      const detail = `${before.name} holds entries up to ${next - 1n}, beyond the first one of ${segment.name}`;
      this.find('segment-overlap', detail, { file: segment.name });
      return;
    }
    for (const { name } of this.#segments) this.#cleanup.push({ kind: 'remove', name });
    this.#segments = [];
    this.#entries = [];
  }

  #checkNumbers(segment: SegmentName, entries: readonly T[]): void {
    const { number } = this.#codec;
    if (number === undefined) return;
    let last = this.#lastNumber();
    for (const entry of entries) {
      const here = number(entry);
      if (last !== undefined && here !== last + 1n) {
        this.find('number-gap', `${here} follows ${last}`, { file: segment.name, number: here });
      }
      last = here;
    }
  }

  #lastNumber(): bigint | undefined {
    const last = this.#entries.at(-1);
    return last === undefined ? undefined : this.#codec.number?.(last);
  }

  /** Only the newest segment can have a torn tail: the others were complete before their successor was made. */
  async #judge(
    segment: SegmentName & { file: string },
    bytes: Uint8Array,
    fault: Fault,
    isTail: boolean,
  ): Promise<void> {
    const before = { number: this.#lastNumber(), firstByte: this.#firstByte };
    const damage = isTail ? await damageInTail(bytes, fault, this.#codec, before) : fault.detail;
    if (damage === undefined) {
      this.#torn = {
        name: segment.name,
        at: fault.at,
        bytes: copyOf(bytes, { ...fault, start: fault.at, end: bytes.length }),
      };
    } else {
      this.find(`entry-${fault.kind}`, damage, { file: segment.name, offset: fault.at });
    }
  }
}
