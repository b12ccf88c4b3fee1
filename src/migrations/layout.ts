/**
 * Detects the layout of a directory, and returns the evidence. Opens nothing for writing, creates
 * nothing, takes no lock.
 *
 *   file-per-entry   sei-chain 40146a1c0: blocks/<lane hex>_<number>.pb, commitqcs/<road index>.pb,
 *                    A/B files as protobuf
 *   wal              11419398f: blocks/<lane hex>/<segments>, commitqcs/<segments>, A/B files as
 *                    protobuf
 *   wal-crc          78c53ddf1: the same with CRC-32C in the A/B files
 *   sei-73f917bbd    73f917bbd: blocks/<lane hex, 80 digits>/<seiwal>, commitqcs/<seiwal>,
 *                    blockdb/, inner_{a,b}.pb with CRC-32C
 *   level            lanestore: level/, witness, values/
 *
 * A directory with the marks of two layouts, or with only half of one, is refused: a wrong guess
 * could lose a vote.
 */

import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { typeFindings } from '../adapter/file-types.js';
import { LEVEL_DIR, VALUES_DIR, WITNESS_FILE } from '../adapter/level/conversion.js';
import { didYouMean } from '../adapter/likeness.js';
import { BLOCK_STORE_DIR } from '../adapter/littdb/index.js';
import {
  type ABScan,
  ANCHOR_PREFIX,
  BLOCKS_DIR,
  COMMIT_QCS_DIR,
  findNewerNode,
  INNER_PREFIX,
  PAIR_FILES,
  reading,
  readListing,
  scanAB,
  systemCode,
  typeInState,
} from '../adapter/wal/conversion.js';
import type { ABEncoding } from '../adapter/wal/index.js';
import { oneOf } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import { laneOfHex } from '../keys/index.js';
import { parseBlockFile, parseCommitQCFile } from './file-names.js';

/** The layouts of the original, which are also the targets of an export. */
export const ORIGINAL_LAYOUTS = ['wal', 'wal-crc', 'file-per-entry'] as const;
/** A layout of the original. */
export type OriginalLayout = (typeof ORIGINAL_LAYOUTS)[number];
/** The option that selects a layout to export to. */
export const checkLayout = oneOf<OriginalLayout>(...ORIGINAL_LAYOUTS);
/** The layout of the original at 73f917bbd, which is read, not written. */
export const SEI_LAYOUT = 'sei-73f917bbd';
/** A layout that can be read. */
export type Layout = OriginalLayout | typeof SEI_LAYOUT | 'level';

/** The detected layout of a directory. */
export interface Detection {
  /** Its real path. */
  readonly location: string;
  readonly layout: Layout;
  /** The evidence for the layout, in words. */
  readonly evidence: readonly string[];
}

/** The encoding of A/B files in each layout of the original. */
export const AB_ENCODING: Readonly<Record<OriginalLayout, ABEncoding>> = {
  'file-per-entry': 'wrapper',
  wal: 'wrapper',
  'wal-crc': 'crc',
};

/** The error of a refused import or export: nothing was created or changed. */
export function importError(message: string, options: ConstructorParameters<typeof LanestoreError>[2] = {}) {
  return new LanestoreError('LANESTORE_IMPORT', message, options);
}

function notAState(message: string): LanestoreError {
  return new LanestoreError('LANESTORE_NOT_A_STORE', message, {
    remedy: 'name the state directory itself: a store holds level/, a state of the original blocks/ and commitqcs/',
  });
}

/**
 * Detects the layout of `directory`.
 * @throws LANESTORE_NOT_A_STORE if it is absent, not a directory, empty, or holds nothing known;
 * LANESTORE_IMPORT if it has marks of two layouts, lacks part of one, or has links or special files
 * in place of its files; LANESTORE_SCHEMA for a later layout of the original; LANESTORE_IO.
 * @example
 * ```ts
 * import { detectLayout } from 'lanestore';
 *
 * const { layout, evidence } = await detectLayout('data');
 * console.log(`${layout}: ${evidence.join(', ')}`);
 * ```
 */
export async function detectLayout(directory: string): Promise<Detection> {
  const location = await realDirectory(directory);
  const names = new Set(await namesIn(location));
  const marks = new Marks(location);
  for (const name of [LEVEL_DIR, WITNESS_FILE, VALUES_DIR]) if (names.has(name)) marks.add('level', `it has ${name}`);
  if (names.has('CURRENT')) {
    const what = 'is a LevelDB itself, not the location of a store, which has one in level/';
    throw notAState(`${location} ${what}${didYouMean(location)}`);
  }
  refuseOtherTypes(location);
  const newer = await findNewerNode(location);
  if (newer !== undefined) return newerDetection(location, names, newer, marks);
  const pairs = await Promise.all([scanAB(location, ANCHOR_PREFIX), scanAB(location, INNER_PREFIX)]);
  await marks.readLogs();
  const original = marks.layouts.some((layout) => layout !== 'level') || hasOriginalNames(names, pairs);
  if (original) marks.addPairs(pairs);
  const layout = marks.verdict(names.size === 0, original);
  if (layout !== 'level') requireWhole(location, names, pairs[0]);
  return { location, layout, evidence: marks.evidence };
}

function newerDetection(
  location: string,
  names: ReadonlySet<string>,
  found: readonly string[],
  marks: Marks,
): Detection {
  const more = found.length > 1 ? ` and ${found.length - 1} more files or directories of that version` : '';
  marks.add(SEI_LAYOUT, `it has ${found[0]}${more}`);
  const layout = marks.verdict(false, false);
  const inner = PAIR_FILES.filter((name) => name.startsWith(`${INNER_PREFIX}_`));
  const missing = [BLOCKS_DIR, COMMIT_QCS_DIR, BLOCK_STORE_DIR, ...inner].filter((name) => !names.has(name));
  refuseHalf(location, missing);
  return { location, layout, evidence: marks.evidence };
}

/**
 * Refuses links and special files in a state directory of the original, as `openLevel` does in a
 * store.
 * @throws LANESTORE_IMPORT with findings.
 */
function refuseOtherTypes(location: string): void {
  const advice = 'links are not followed, and special files are not read: name a copy without them (cp -rL)';
  const findings = [
    ...typeFindings(location, [BLOCKS_DIR, COMMIT_QCS_DIR, ...PAIR_FILES], 2, typeInState, advice),
    ...typeFindings(location, [BLOCK_STORE_DIR], 3, typeInState, advice),
  ];
  const [first] = findings;
  if (first === undefined) return;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  throw importError(`${location} cannot be read: ${first.file}: ${first.detail}${more}`, { findings });
}

/** The real path of a directory. @throws LANESTORE_NOT_A_STORE, LANESTORE_IO. */
export async function realDirectory(directory: string): Promise<string> {
  const absolute = resolve(directory);
  const there = await reading(`look at ${absolute}`, async () => {
    try {
      return await stat(absolute);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  });
  if (there === undefined) throw notAState(`${absolute} does not exist`);
  if (!there.isDirectory()) {
    throw notAState(`${absolute} is not a directory${didYouMean(absolute)}`);
  }
  return reading(`resolve ${absolute}`, () => realpath(absolute));
}

/** The names in a directory, sorted; empty for an absent directory. */
export async function namesIn(directory: string): Promise<string[]> {
  return reading(`list ${directory}`, async () => {
    try {
      return (await readdir(directory)).sort();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

function hasOriginalNames(names: ReadonlySet<string>, pairs: readonly ABScan[]): boolean {
  const hasPair = pairs.some(({ lengths }) => lengths.some((length) => length !== undefined));
  return hasPair || names.has(BLOCKS_DIR) || names.has(COMMIT_QCS_DIR);
}

/**
 * Refuses an incomplete directory: the original creates all four names at its start, before it
 * writes anything.
 */
function requireWhole(location: string, names: ReadonlySet<string>, anchorPair: ABScan): void {
  const missing = [
    ...[BLOCKS_DIR, COMMIT_QCS_DIR].filter((name) => !names.has(name)).map((name) => `${name}/`),
    ...anchorPair.lengths.flatMap((length, i) =>
      length === undefined ? [`${ANCHOR_PREFIX}_${i === 0 ? 'a' : 'b'}.pb`] : [],
    ),
  ];
  refuseHalf(location, missing);
}

function refuseHalf(location: string, missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw importError(
    `${location} is half a state directory: ${missing.join(', ')} missing, which a node makes at its first start; copy all of it`,
    { findings: missing.map((file) => ({ kind: 'layout-half', file, detail: 'it is missing' })) },
  );
}

/** The evidence found so far, by layout. */
class Marks {
  readonly #location: string;
  readonly #seen = new Map<Layout | 'segments', string[]>();

  constructor(location: string) {
    this.#location = location;
  }

  get layouts(): (Layout | 'segments')[] {
    return [...this.#seen.keys()];
  }

  get evidence(): string[] {
    return [...this.#seen.values()].flat();
  }

  add(layout: Layout | 'segments', what: string): void {
    const seen = this.#seen.get(layout);
    if (seen === undefined) this.#seen.set(layout, [what]);
    else seen.push(what);
  }

  async readLogs(): Promise<void> {
    const blocks = join(this.#location, BLOCKS_DIR);
    const inBlocks = await namesIn(blocks);
    const lanes = inBlocks.filter((name) => laneOfHex(name) !== undefined);
    const blockFiles = inBlocks.filter((name) => parseBlockFile(name) !== undefined);
    if (lanes.length > 0) this.add('segments', `${BLOCKS_DIR}/ has ${lanes.length} lanes with a directory each`);
    if (blockFiles.length > 0) this.add('file-per-entry', `${BLOCKS_DIR}/ has ${blockFiles.length} blocks in files`);
    const inQCs = await namesIn(join(this.#location, COMMIT_QCS_DIR));
    const { segments, temps } = readListing(inQCs);
    const qcFiles = inQCs.filter((name) => parseCommitQCFile(name) !== undefined);
    if (segments.length + temps.length > 0) {
      this.add('segments', `${COMMIT_QCS_DIR}/ has ${segments.length} segments`);
    }
    if (qcFiles.length > 0) this.add('file-per-entry', `${COMMIT_QCS_DIR}/ has ${qcFiles.length} CommitQCs in files`);
  }

  /**
   * The encoding of the A/B files distinguishes `wal` from `wal-crc`; a checksum contradicts
   * `file-per-entry`.
   */
  addPairs(pairs: readonly ABScan[]): void {
    const encodings = new Map<ABEncoding, string>();
    for (const { newest, prefix } of pairs) if (newest !== undefined) encodings.set(newest.encoding, prefix);
    const segments = this.#seen.has('segments');
    for (const [encoding, prefix] of encodings) {
      const files = `${prefix}_{a,b}.pb are written ${encoding === 'crc' ? 'with' : 'without'} a checksum`;
      if (encoding === 'crc') this.add('wal-crc', files);
      else this.add(segments ? 'wal' : 'file-per-entry', files);
    }
    if (encodings.size === 0) {
      this.add(segments ? 'wal' : 'file-per-entry', `${pairs[0]!.prefix}_{a,b}.pb hold nothing`);
    }
  }

  verdict(empty: boolean, original: boolean): Layout {
    const layouts = this.layouts.filter((layout) => layout !== 'segments') as Layout[];
    const [layout] = layouts;
    if (layout === undefined) {
      const what = empty ? 'is empty' : 'holds nothing that a node or lanestore writes';
      throw notAState(`${this.#location} ${what}${didYouMean(this.#location)}`);
    }
    const mixed = layouts.length > 1 || (layout === 'file-per-entry' && this.#seen.has('segments'));
    if (mixed || (layout === 'level' && original)) {
      const seen = this.evidence.join('; ');
      throw importError(
        `${this.#location} has the marks of two layouts: ${seen}; move away what does not belong to it`,
        {
          findings: this.evidence.map((detail) => ({ kind: 'layout-mixed', detail })),
        },
      );
    }
    return layout;
  }
}
