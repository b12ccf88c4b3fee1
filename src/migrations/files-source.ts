/**
 * One file an entry as a source: `file-per-entry`.
 *
 * A name is read as the original reads it (file-names.ts); two names for one entry are refused. The original skips what it cannot decode. Here only the newest file of a log may be torn, since the ones before it were synced
 * before it was made: it is left out, and that is reported. Any other file that is not what its name says is damage.
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

/** A file, and which entry it must hold. */
interface EntryFile {
  readonly number: bigint;
  readonly name: string;
}

/** Opens it: reads the names, the files when they are asked for. @throws LANESTORE_IMPORT, LANESTORE_IO. */
export async function openFilesSource<B, Q, A>(
  { location, layout }: Detection,
  model: Model<B, Q, A>,
): Promise<Source<B, Q, A>> {
  const pairs = await readPairs(location, model);
  const notes = [...pairs.notes];
  const note = (text: string) => notes.push(text);
  const skip = (name: string) => note(`skipped ${name}: it is no part of the layout`);
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

/** Which of two names for an entry counts, the original leaves to the order of names. */
function namedTwice({ directory, lane, files }: FileLog): Finding[] {
  return files.flatMap(({ number, name }, i) => {
    const before = files[i - 1];
    if (before?.number !== number) return [];
    const detail = `it stands for the same entry as ${before.name}: keep the one that the node wrote`;
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
        note(`${file}: left out, a write that was cut short (${bytes.length} bytes)`);
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
 * True if a crash can have left these bytes of a message that was being written, then synced: nothing, its first bytes, or zeros where a sector
 * had not been written. Rot does none of these; where the two cannot be told apart it is damage, and never left out.
 */
function isCutShort(bytes: Uint8Array): boolean {
  return bytes.length === 0 || endsInZeroSectors(bytes) || endsWithinField(bytes);
}

function endsInZeroSectors(bytes: Uint8Array): boolean {
  let from = bytes.length;
  while (from > 0 && bytes[from - 1] === 0) from--;
  return Math.ceil(from / SECTOR_BYTES) * SECTOR_BYTES < bytes.length;
}

/** Goes from field to field of the outermost message; true if the bytes end inside of one. */
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
