/**
 * Detects the files that a node of a later version of the original (seiwal) leaves in a state
 * directory. It keeps its logs in the same directories, under other names:
 *
 *   commitqcs/, blocks/<80 hex>/  <seq>.wal.u, <seq>-<first>-<last>.wal, wal.lock, iterator/,
 *                                 *.swap
 *
 * The later version ignores the older segments, and begins new logs in the same directories. So if
 * a later node was started by mistake and stopped again, the old state is intact, and log files
 * without entries remain.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LanestoreError } from '../../errors.js';
import { laneOfHex } from '../../keys/index.js';
import { reading, systemCode } from './io.js';
import { BLOCKS_DIR, COMMIT_QCS_DIR } from './layout.js';
import { readListing } from './names.js';

/** A log file; the longer form of the name is a complete one. */
const LOG_FILE = /^[0-9]+(?:-[0-9]+-[0-9]+)?\.wal(?:\.u)?$/;
/** Files that accompany logs and hold no entries. */
const COMPANION = /^(?:wal\.lock|iterator|.+\.swap)$/;
/** Hex digits of a lane's directory name: the later version's lanes have 40 bytes. */
const LANE_HEX = 80;
/** Size of a log file's header: magic and version. */
const HEAD_BYTES = 6;

/** The traces of a later version in a state directory. */
export interface NewerTraces {
  /** Log files, relative to the location. */
  readonly logs: readonly string[];
  /** The log files that are longer than their header. */
  readonly written: readonly string[];
  /**
   * Everything that the later version created, relative to the location: directories of lanes as a
   * whole.
   */
  readonly left: readonly string[];
  /** True if the directory also holds entries in an older layout. */
  readonly besideOld: boolean;
}

/** Finds traces of the later version by names and sizes of files. @throws LANESTORE_IO. */
export async function tracesOfNewerNode(location: string): Promise<NewerTraces> {
  const [inQCs, inBlocks] = [await names(join(location, COMMIT_QCS_DIR)), await names(join(location, BLOCKS_DIR))];
  const lanes = inBlocks.filter((name) => name.length === LANE_HEX && laneOfHex(name) !== undefined);
  const logs = inQCs.filter((name) => LOG_FILE.test(name)).map((name) => `${COMMIT_QCS_DIR}/${name}`);
  for (const lane of lanes) {
    const inLane = await names(join(location, BLOCKS_DIR, lane));
    for (const name of inLane) if (LOG_FILE.test(name)) logs.push(`${BLOCKS_DIR}/${lane}/${name}`);
  }
  const written: string[] = [];
  for (const log of logs) if ((await bytesIn(join(location, log))) > HEAD_BYTES) written.push(log);
  const inTheWay = inQCs.filter((name) => LOG_FILE.test(name) || COMPANION.test(name));
  const left = [
    ...inTheWay.map((name) => `${COMMIT_QCS_DIR}/${name}`),
    ...lanes.filter((lane) => logs.some((log) => log.includes(lane))).map((lane) => `${BLOCKS_DIR}/${lane}`),
  ];
  const besideOld =
    readListing(inQCs).segments.length > 0 ||
    [...inQCs, ...inBlocks].some((name) => name.endsWith('.pb')) ||
    inBlocks.some((name) => name.length < LANE_HEX && laneOfHex(name) !== undefined);
  return { logs, written, left, besideOld };
}

/**
 * Refuses a directory in which a later version has logs.
 * @throws LANESTORE_SCHEMA with what happened and what to do; LANESTORE_IO.
 */
export async function refuseNewerNode(location: string): Promise<void> {
  const { logs, written, left, besideOld } = await tracesOfNewerNode(location);
  const [log] = logs;
  if (log === undefined) return;
  const what = `${location}: ${written[0] ?? log} belongs to a later layout of the original (seiwal), which is not read`;
  if (!besideOld) throw schemaError(what, 'run it with the version that wrote it: nothing here can read or convert it');
  if (written.length > 0) {
    const gone =
      'a node of that version has written entries since, and may have signed more than the older layout knows';
    throw schemaError(
      `${what}; ${gone}`,
      'continue with the later version; do not run a validator from the older entries',
    );
  }
  const started =
    'a node of that version was started on this older state, and has stored no entry; the older state is intact';
  const list = left.join(', ');
  throw schemaError(
    `${what}: ${started}. With no node running, remove ${list} and try again`,
    `make sure that no node runs on it, remove ${list}, and try again; keep everything else`,
  );
}

function schemaError(message: string, remedy: string): LanestoreError {
  return new LanestoreError('LANESTORE_SCHEMA', message, { remedy });
}

async function names(directory: string): Promise<string[]> {
  return reading(`list ${directory}`, async () => {
    try {
      return (await readdir(directory)).sort();
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return [];
      throw error;
    }
  });
}

async function bytesIn(file: string): Promise<number> {
  return (await reading(`look at ${file}`, () => stat(file))).size;
}
