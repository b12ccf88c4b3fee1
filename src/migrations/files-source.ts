/**
 * A source with one file for each entry: `file-per-entry`.
 *
 * Names are parsed as in the original (file-names.ts); two names for one entry are refused. The
 * original skips files that it cannot decode. Here, only the newest file of a log may be torn,
 * because every earlier file was synced before the newest one was created. A torn file is left out,
 * with a note. Any other file whose content does not match its name is damage.
 */

import { join } from 'node:path';
import {
  BLOCKS_DIR,
  blockCodec,
  COMMIT_QCS_DIR,
  commitQCCodec,
  readFrame,
  reading,
} from '../adapter/wal/conversion.js';
import type { LogCodec } from '../adapter/wal/index.js';
import { readRegular } from '../base/open-file.js';
import { messageOf } from '../base/permission-model.js';
import { type Finding, type FindingKind, LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import type { Model } from '../model/model.js';
import { parseBlockFile, parseCommitQCFile } from './file-names.js';
import { type Detection, namesIn } from './layout.js';
import { readPairs, refuse, type Source, type SourceEntry, SourceState } from './source.js';

const SECTOR_BYTES = 512;
const LENGTH_DELIMITED = 2;
const VARINT = 0;

/** The files of one log. */
interface FileLog {
  readonly directory: string;
  readonly lane?: LaneId;
  /** Ascending. */
  readonly files: readonly EntryFile[];
}

/** A file, and the number of its entry. */
interface EntryFile {
  readonly number: bigint;
  readonly name: string;
}

/**
 * Opens the source: reads the names now, and the files when they are requested.
 * @throws LANESTORE_IMPORT, LANESTORE_IO.
 */
export async function openFilesSource<B, Q, A>(
  { location, layout }: Detection,
  model: Model<B, Q, A>,
): Promise<Source<B, Q, A>> {
  const pairs = await readPairs(location, model);
  const notes = [...pairs.notes];
  const note = (text: string) => notes.push(text);
  const skip = (name: string) => note(`skipped ${name}: it is not part of the layout`);
  const commitQCs = await commitQCFiles(location, skip);
  const lanes = await laneFiles(location, skip);
  refuse(location, [commitQCs, ...lanes.values()].flatMap(namedTwice));
  const state = new SourceState();
  return {
    layout,
    location,
    anchor: pairs.anchor,
    inner: pairs.inner,
    commitQCLog: { leastNext: 0n },
    lanes: new Map([...lanes.keys()].map((lane) => [lane, { leastNext: 0n }])),
    commitQCs: () => state.guard(entriesOf(location, commitQCs, commitQCCodec(model), note)),
    blocks: (lane) =>
      state.guard(entriesOf(location, lanes.get(lane) ?? laneLog(lane, []), blockCodec(model, lane), note)),
    notes,
    close: async () => state.close(),
  };
}

async function commitQCFiles(location: string, skip: (name: string) => void): Promise<FileLog> {
  const files: EntryFile[] = [];
  for (const name of await namesIn(join(location, COMMIT_QCS_DIR))) {
    const index = parseCommitQCFile(name);
    if (index === undefined) skip(`${COMMIT_QCS_DIR}/${name}`);
    else files.push({ number: index, name });
  }
  return { directory: COMMIT_QCS_DIR, files: ascending(files) };
}

async function laneFiles(location: string, skip: (name: string) => void): Promise<Map<LaneId, FileLog>> {
  const lanes = new Map<LaneId, EntryFile[]>();
  for (const name of await namesIn(join(location, BLOCKS_DIR))) {
    const block = parseBlockFile(name);
    if (block === undefined) {
      skip(`${BLOCKS_DIR}/${name}`);
      continue;
    }
    const files = lanes.get(block.lane) ?? [];
    files.push({ number: block.number, name });
    lanes.set(block.lane, files);
  }
  const sorted = [...lanes].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(sorted.map(([lane, files]) => [lane, laneLog(lane, ascending(files))]));
}

function laneLog(lane: LaneId, files: readonly EntryFile[]): FileLog {
  return { directory: BLOCKS_DIR, lane, files };
}

function ascending(files: EntryFile[]): EntryFile[] {
  return files.sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0));
}

/**
 * Findings for entries with two names. In the original, the order of names decides which one
 * counts.
 */
function namedTwice({ directory, lane, files }: FileLog): Finding[] {
  return files.flatMap(({ number, name }, i) => {
    const before = files[i - 1];
    if (before?.number !== number) return [];
    const detail = `it names the same entry as ${before.name}: keep the one that the node wrote`;
    return [
      { kind: 'name-twice', ...(lane === undefined ? {} : { lane }), number, file: `${directory}/${name}`, detail },
    ];
  });
}

async function* entriesOf<T>(
  location: string,
  log: FileLog,
  codec: LogCodec<T>,
  note: (text: string) => void,
): AsyncGenerator<SourceEntry<T>, void, void> {
  const newest = log.files.at(-1)?.number;
  for (const { number, name } of log.files) {
    const file = `${log.directory}/${name}`;
    const bytes = new Uint8Array(
      await reading(`read ${join(location, file)}`, () => readRegular(join(location, file))),
    );
    let entry: T;
    try {
      entry = codec.decode(bytes);
    } catch (error) {
      if (number === newest && isCutShort(bytes)) {
        note(`${file}: left out, an interrupted write (${bytes.length} bytes)`);
        return;
      }
      throw damaged(log, file, number, 'entry-undecodable', messageOf(error));
    }
    const actual = codec.number!(entry);
    if (actual !== number) throw damaged(log, file, number, 'entry-name', `its content has number ${actual}`);
    yield { entry, number, wire: bytes, place: { file } };
  }
}

function damaged({ lane }: FileLog, file: string, number: bigint, kind: FindingKind, detail: string): LanestoreError {
  const finding: Finding = { kind, ...(lane === undefined ? {} : { lane }), number, file, detail };
  return new LanestoreError('LANESTORE_CORRUPT', `${file}: ${detail}`, { findings: [finding] });
}

/**
 * True if these bytes can be a message whose write a crash interrupted before the sync: nothing,
 * its first bytes, or zeros in sectors that were not written. Bit rot leaves none of these. In
 * doubt, the answer is false: the file then counts as damaged, and is not left out.
 */
function isCutShort(bytes: Uint8Array): boolean {
  return bytes.length === 0 || endsInZeroSectors(bytes) || endsWithinField(bytes);
}

function endsInZeroSectors(bytes: Uint8Array): boolean {
  let from = bytes.length;
  while (from > 0 && bytes[from - 1] === 0) from--;
  return Math.ceil(from / SECTOR_BYTES) * SECTOR_BYTES < bytes.length;
}

/** Walks the fields of the outermost message; true if the bytes end within a field. */
function endsWithinField(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const tag = readFrame(bytes, at);
    if (typeof tag === 'string') return tag === 'cut';
    const key = tag.end - tag.start;
    const content = readFrame(bytes, tag.start);
    if ((key & 7) === LENGTH_DELIMITED) {
      if (typeof content === 'string') return content === 'cut';
      at = content.end;
    } else if ((key & 7) === VARINT) {
      at = tag.start;
      while (at < bytes.length && (bytes[at] as number) >= 0x80) at++;
      at++;
    } else return false;
    if (at > bytes.length) return true;
  }
  return false;
}
