/**
 * The layout of a state directory, as in sei-chain 11419398f, and what this backend adds to it:
 *
 *   <dir>/blocks/<lane hex>/<segments>      a log of blocks for each lane
 *   <dir>/blocks/<lane hex>.dropped/        a lane being removed: the next open finishes the
 *                                           removal; the original skips the name
 *   <dir>/commitqcs/<segments>              the log of CommitQCs
 *   <dir>/avail_inner_{a,b}.pb              the prune anchor
 *   <dir>/inner_{a,b}.pb                    the node's consensus state; created at its first write
 *   <dir>/lock/                             an empty LevelDB, used for its lock
 *   <dir>/lock/reserve                      space that is given up on a full disk (reserve.ts)
 *   <dir>/torn/                             bytes of torn tails that were cut off, for the operator
 *   <dir>/ab-wrapper                        marker: A/B files have no checksum (pairs.ts)
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { refuseCopy } from '../../base/copy-place.js';
import { makeDirectory } from '../../base/directories.js';
import { type Finding, LanestoreError } from '../../errors.js';
import { isLaneId, type LaneId, laneOfHex } from '../../keys/index.js';
import { type ExpectedType, typeFindings } from '../file-types.js';
import { didYouMean, likenessOf } from '../likeness.js';
import { corruptionError, reading, systemCode } from './io.js';
import { LOCK_DIR } from './lock.js';

/** The directory of the lanes' logs. */
export const BLOCKS_DIR = 'blocks';
/** The log of CommitQCs. */
export const COMMIT_QCS_DIR = 'commitqcs';
/** Where torn tails are kept. */
export const TORN_DIR = 'torn';
/** The prefix of the anchor's A/B files. */
export const ANCHOR_PREFIX = 'avail_inner';
/** The prefix of the A/B files of the node's consensus state. */
export const INNER_PREFIX = 'inner';
/** Suffix of a lane's directory that is being removed. */
export const DROPPED = '.dropped';

/** The files of both pairs. */
export const PAIR_FILES = [ANCHOR_PREFIX, INNER_PREFIX].flatMap((prefix) => [`${prefix}_a.pb`, `${prefix}_b.pb`]);

/** A state directory has at least one of these names. */
const OWN_NAMES = new Set([BLOCKS_DIR, COMMIT_QCS_DIR, LOCK_DIR, ...PAIR_FILES]);

/**
 * Apart from the files of the pairs, nothing outside of these directories is opened, created or
 * removed.
 */
const OWN_DIRECTORIES = [BLOCKS_DIR, COMMIT_QCS_DIR, LOCK_DIR, TORN_DIR];

/**
 * The expected type of a file at `path`, relative to the location. The content of the directories
 * is checked by its readers.
 */
export function typeInState(path: string): ExpectedType {
  if (OWN_DIRECTORIES.includes(path)) return 'directory';
  return PAIR_FILES.includes(path) ? 'file' : 'either';
}

/** Ignored: names that a file system has in its root. */
const IGNORED_NAMES = new Set(['lost+found']);

/** Names in the original's earlier layout: one file for each entry (40146a1c0). */
const FILE_PER_ENTRY = /^(?:[0-9a-fA-F]{64}_)?[0-9]+\.pb$/;

/** Remedy if an existing state directory was expected. */
const NAME_A_STATE = 'check the path: a state directory holds blocks/ and commitqcs/';

/** Hex digits of a lane's key of 32 bytes, the only length that the original accepts. */
const ORIGINAL_LANE_HEX = 64;

/**
 * The real path of a state directory, which is created if it is absent and `create` is true.
 * @throws LANESTORE_NOT_A_STORE if it is a file, absent or something else; LANESTORE_SCHEMA for
 * another layout; LANESTORE_CORRUPT if one of its files is a link or a special file; LANESTORE_IO.
 */
export async function claimLocation(location: string, create: boolean): Promise<string> {
  const absolute = resolve(location);
  const there = await reading(`open ${absolute}`, () => statIfThere(absolute));
  if (there === undefined) {
    if (!create) throw notAStore(`${absolute} does not exist`, NAME_A_STATE);
    await reading(`make ${absolute}`, async () => makeDirectory(absolute));
  } else if (!there.isDirectory()) {
    throw notAStore(`${absolute} is a file; a store is a directory${didYouMean(absolute)}`);
  }
  const path = await reading(`resolve ${absolute}`, () => realpath(absolute));
  refuseCopy(path);
  const findings = await reading(`look at ${path}`, async () => typeFindings(path, OWN_DIRECTORIES, 2, typeInState));
  if (findings.length === 0) findings.push(...typeFindings(path, PAIR_FILES, 0, typeInState));
  if (findings.length > 0) throw corruptionError(path, { findings });
  await checkNames(path, create);
  return path;
}

async function checkNames(path: string, create: boolean): Promise<void> {
  const names = (await list(path)).map(({ name }) => name).filter((name) => !IGNORED_NAMES.has(name));
  if (!names.some((name) => OWN_NAMES.has(name))) {
    if (names.length > 0) {
      if (likenessOf(path) === 'store')
        throw notAStore(`${path} is a store on LevelDB, not a WAL`, 'open it with openLevel');
      throw notAStore(`${path} holds other files (${names.slice(0, 5).join(', ')})${didYouMean(path)}`);
    }
    if (!create) throw notAStore(`${path} is empty`, NAME_A_STATE);
  }
  for (const directory of [BLOCKS_DIR, COMMIT_QCS_DIR]) {
    const inside = await list(join(path, directory));
    const foreign = inside.find(({ name }) => FILE_PER_ENTRY.test(name));
    if (foreign !== undefined) {
      const detail = `${directory}/${foreign.name} belongs to another layout of the original; import it`;
      throw new LanestoreError('LANESTORE_SCHEMA', `${path} is no segment-file WAL of 11419398f: ${detail}`, {
        remedy: 'make a store of it ("lanestore import", importState)',
      });
    }
  }
}

function notAStore(message: string, remedy?: string): LanestoreError {
  return new LanestoreError('LANESTORE_NOT_A_STORE', message, remedy === undefined ? {} : { remedy });
}

async function statIfThere(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The entries of a directory, sorted by name as in the original; empty for an absent directory. */
async function list(path: string): Promise<{ name: string; isDirectory: boolean }[]> {
  return reading(`list ${path}`, async () => {
    try {
      const entries = await readdir(path, { withFileTypes: true });
      const all = entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
      return all.sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

/** A lane's directory. */
export interface LaneDirectory {
  readonly lane: LaneId;
  /** Its name in `blocks/`: the lane in hex, in the case that it has on disk. */
  readonly name: string;
}

/** The content of `blocks/`. */
export interface LaneDirectories {
  /** Ascending by lane, one for each. */
  readonly lanes: readonly LaneDirectory[];
  /** Directories of lanes whose removal was interrupted. */
  readonly dropped: readonly string[];
  /** Names that are skipped. */
  readonly strays: readonly string[];
  /** Directories that name the same lane as another one, which is in `lanes`. */
  readonly findings: readonly Finding[];
}

/**
 * Reads the names in `blocks/` as the original does: 64 hex digits in either case are a lane.
 * @throws LANESTORE_IO.
 */
export async function listLanes(location: string): Promise<LaneDirectories> {
  const lanes = new Map<LaneId, LaneDirectory>();
  const dropped: string[] = [];
  const strays: string[] = [];
  const findings: Finding[] = [];
  for (const { name, isDirectory } of await list(join(location, BLOCKS_DIR))) {
    const lane = isDirectory ? await laneNamed(join(location, BLOCKS_DIR), name) : undefined;
    const twin = lane === undefined ? undefined : lanes.get(lane);
    if (lane !== undefined && twin !== undefined) {
      const detail = `it names the same lane as ${twin.name}: keep the one that the node wrote`;
      findings.push({ kind: 'name-twice', lane, file: `${BLOCKS_DIR}/${name}`, detail });
    } else if (lane !== undefined) lanes.set(lane, { lane, name });
    else if (isDirectory && name.endsWith(DROPPED) && isLaneId(name.slice(0, -DROPPED.length))) dropped.push(name);
    else strays.push(`${BLOCKS_DIR}/${name}`);
  }
  const sorted = [...lanes.values()].sort((a, b) => (a.lane < b.lane ? -1 : 1));
  return { lanes: sorted, dropped, strays, findings };
}

/**
 * The lane that a directory name stands for, if any. A name in upper case was written by the
 * original, whose lanes have 32 bytes; an empty directory with such a name is skipped, which loses
 * nothing.
 */
async function laneNamed(blocks: string, name: string): Promise<LaneId | undefined> {
  if (isLaneId(name)) return name;
  if (name.length !== ORIGINAL_LANE_HEX || laneOfHex(name) === undefined) return undefined;
  return (await list(join(blocks, name))).length === 0 ? undefined : laneOfHex(name);
}

/** True for a directory without a log whose name is not a lane's key for the original. */
export function isNoLane(lane: LaneId, scan: { readonly segments: readonly unknown[] }): boolean {
  return scan.segments.length === 0 && lane.length !== ORIGINAL_LANE_HEX;
}
