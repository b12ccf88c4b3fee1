/**
 * Detects the files of a node of the later version of the original (73f917bbd) in a state
 * directory. It keeps its logs in the same directories, under other names (seiwal/names.ts), and
 * what it has beside them in directories of its own:
 *
 *   commitqcs/, blocks/<80 hex>/   <seq>.wal.u, <seq>-<first>-<last>.wal, wal.lock, iterator/,
 *                                  *.swap
 *   blockdb/, hashvault/           rows of the data layer; hashes of the application's states
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
import { ANCHOR_PREFIX, BLOCKS_DIR, COMMIT_QCS_DIR } from './layout.js';
import { readListing } from './names.js';
import { isCompanion, isLogFile } from './seiwal/names.js';

/** Hex digits of a lane's directory name: the later version's lanes have 40 bytes. */
const LANE_HEX = 80;
/** Size of a log file's header: magic and version. */
const HEAD_BYTES = 6;
/** Directories that only the later version creates. */
const OWN_DIRECTORIES = ['blockdb', 'hashvault'];

/** The traces of a later version in a state directory. */
interface NewerTraces {
  /** What proves it: log files and directories, relative to the location. */
  readonly marks: readonly string[];
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
async function tracesOfNewerNode(location: string): Promise<NewerTraces> {
  const [inQCs, inBlocks] = [await names(join(location, COMMIT_QCS_DIR)), await names(join(location, BLOCKS_DIR))];
  const own = (await names(location)).filter((name) => OWN_DIRECTORIES.includes(name));
  const lanes = inBlocks.filter((name) => name.length === LANE_HEX && laneOfHex(name) !== undefined);
  const logs = inQCs.filter(isLogFile).map((name) => `${COMMIT_QCS_DIR}/${name}`);
  for (const lane of lanes) {
    const inLane = await names(join(location, BLOCKS_DIR, lane));
    for (const name of inLane) if (isLogFile(name)) logs.push(`${BLOCKS_DIR}/${lane}/${name}`);
  }
  const written: string[] = [];
  for (const log of logs) if ((await bytesIn(join(location, log))) > HEAD_BYTES) written.push(log);
  const inTheWay = inQCs.filter((name) => isLogFile(name) || isCompanion(name));
  const left = [
    ...inTheWay.map((name) => `${COMMIT_QCS_DIR}/${name}`),
    ...lanes.filter((lane) => logs.some((log) => log.includes(lane))).map((lane) => `${BLOCKS_DIR}/${lane}`),
  ];
  const besideOld =
    readListing(inQCs).segments.length > 0 ||
    [...inQCs, ...inBlocks].some((name) => name.endsWith('.pb')) ||
    inBlocks.some((name) => name.length < LANE_HEX && laneOfHex(name) !== undefined) ||
    (await hasAnchor(location));
  // Beside an older state, only logs count: another program may have such a directory.
  return { marks: besideOld ? logs : [...logs, ...own], written, left, besideOld };
}

/** True if the older version has written an anchor, which the later one never does. */
async function hasAnchor(location: string): Promise<boolean> {
  const files = (await names(location)).filter((name) => name.startsWith(`${ANCHOR_PREFIX}_`));
  for (const file of files) if ((await bytesIn(join(location, file))) > 0) return true;
  return false;
}

/**
 * What shows that a state directory is of the later version; undefined if nothing of that version
 * is there.
 * @throws LANESTORE_SCHEMA with what happened and what to do, if both versions have left something;
 * LANESTORE_IO.
 */
export async function findNewerNode(location: string): Promise<readonly string[] | undefined> {
  const { marks, written, left, besideOld } = await tracesOfNewerNode(location);
  const [mark] = marks;
  if (mark === undefined) return undefined;
  if (!besideOld) return marks;
  const what = `${location}: ${written[0] ?? mark} belongs to a later layout of the original (sei-73f917bbd)`;
  if (written.length > 0) {
    const gone =
      'a node of that version has written entries since, and may have signed more than the older layout knows';
    throw schemaError(
      `${what}, and entries of an older layout are there too; ${gone}`,
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

/**
 * Refuses a directory in which a later version has stored something.
 * @throws LANESTORE_SCHEMA, LANESTORE_IO.
 */
export async function refuseNewerNode(location: string): Promise<void> {
  const marks = await findNewerNode(location);
  if (marks === undefined) return;
  throw schemaError(
    `${location}: ${marks[0]} belongs to a later layout of the original (sei-73f917bbd), which a WAL is not`,
    'run it with the version that wrote it, or make a store from it: lanestore import reads this layout',
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
