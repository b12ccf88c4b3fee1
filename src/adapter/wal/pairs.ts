/**
 * Reads the A/B files of a state directory (the prune anchor and the node's inner state) without
 * changing them, and selects the encoding of a new pair.
 *
 * Which copy counts is decided by the pair (ab-file.ts). If the content of that copy cannot be
 * decoded, the directory is damaged, and the other copy does not replace it, as in the original:
 * the newest copy may have been acknowledged, and the node may have voted on it.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from '../../base/files.js';
import type { Finding } from '../../errors.js';
import type { Model } from '../../model/model.js';
import type { AnchorPoint } from '../planner.js';
import { anchorPoint } from '../round-plan.js';
import { type ABScan, fileOf, scanAB } from './ab-file.js';
import type { ABEncoding } from './ab-format.js';
import { messageOf, reading } from './io.js';
import { ANCHOR_PREFIX, INNER_PREFIX, TORN_DIR } from './layout.js';
import { LOCK_DIR } from './lock.js';
import { closing, PRIVATE_MODE } from './repair.js';

/** The content of both pairs. */
export interface PairsScan<A> {
  readonly anchorPair: ABScan;
  readonly innerPair: ABScan;
  readonly anchor: { readonly entry: A; readonly point: AnchorPoint } | undefined;
  /** In memory of its own. */
  readonly inner: Uint8Array | undefined;
  readonly notes: readonly string[];
  /** If there are any, no other field is reliable. */
  readonly findings: readonly Finding[];
}

/** Reads both pairs. @throws LANESTORE_IO; damage is in `findings`. */
export async function scanPairs<A>(location: string, model: Model<unknown, unknown, A>): Promise<PairsScan<A>> {
  const [anchorPair, innerPair] = await Promise.all([scanAB(location, ANCHOR_PREFIX), scanAB(location, INNER_PREFIX)]);
  const findings: Finding[] = [...anchorPair.findings, ...innerPair.findings];
  const anchor = readAnchor(model, anchorPair, findings);
  return {
    anchorPair,
    innerPair,
    anchor,
    inner: readInner(model, innerPair, findings),
    notes: [...anchorPair.notes, ...innerPair.notes],
    findings,
  };
}

function readAnchor<A>(
  model: Model<unknown, unknown, A>,
  pair: ABScan,
  findings: Finding[],
): PairsScan<A>['anchor'] | undefined {
  const { newest } = pair;
  if (newest === undefined) return undefined;
  try {
    const entry = model.anchor.fromWire(new Uint8Array(newest.data));
    model.anchor.check(entry);
    return { entry, point: anchorPoint(model, entry) };
  } catch (error) {
    findings.push(undecodable(pair, 'no anchor', error));
    return undefined;
  }
}

/**
 * The inner state. Without a checksum, only the model can distinguish a whole state from a damaged
 * one.
 */
function readInner(
  { inner: innerModel }: Model<unknown, unknown, unknown>,
  pair: ABScan,
  findings: Finding[],
): Uint8Array | undefined {
  const { newest } = pair;
  if (newest === undefined) return undefined;
  const inner = new Uint8Array(newest.data);
  try {
    if (newest.encoding === 'wrapper') innerModel?.check(inner);
    return inner;
  } catch (error) {
    findings.push(undecodable(pair, 'no inner state', error));
    return undefined;
  }
}

function undecodable({ newest, older, prefix }: ABScan, what: string, error: unknown): Finding {
  const rest = older === undefined ? '' : `; the other copy is older (seq ${older}), and does not replace it`;
  return {
    kind: 'ab-undecodable',
    file: fileOf(prefix, newest!.slot),
    detail: `the newest copy (seq ${newest?.seq}) is whole, but its data is ${what}: ${messageOf(error)}${rest}`,
  };
}

/** Marker file, empty: A/B files of this directory are written as `wrapper`. */
export const WRAPPER_MARK = 'ab-wrapper';

/** Names that only `openWal` creates. */
const OUR_NAMES = [LOCK_DIR, TORN_DIR];

/**
 * The encoding of a new pair in a directory where neither pair holds a value: `wanted`, or else
 * what the directory needs. Must be called before anything is created in the directory.
 *
 * The original at 11419398f reads only `wrapper`, and since 78c53ddf1 only `crc`. A directory that
 * the original created and that has no anchor looks the same for both; it is treated as one of
 * 11419398f, which has the same segment format. A marker file records this decision: without it,
 * the files that `openWal` adds would make the directory look like one of this backend, whose
 * default is `crc`.
 * @throws LANESTORE_IO.
 */
export async function firstEncoding(
  location: string,
  wanted: ABEncoding | undefined,
  files: Files,
): Promise<ABEncoding> {
  if (wanted !== undefined) return wanted;
  const names = await reading(`list ${location}`, () => readdir(location));
  if (names.includes(WRAPPER_MARK)) return 'wrapper';
  if (OUR_NAMES.some((name) => names.includes(name))) return 'crc';
  const pairs = await Promise.all([ANCHOR_PREFIX, INNER_PREFIX].map((prefix) => scanAB(location, prefix)));
  const isOriginal = pairs.some(({ lengths }) => lengths.some((length) => length !== undefined));
  const isWritten = pairs.some(({ newest, findings }) => newest !== undefined || findings.length > 0);
  if (!isOriginal || isWritten) return 'crc';
  await reading(`mark ${location}`, async () => {
    const file = await files.open(join(location, WRAPPER_MARK), PRIVATE_MODE, { empty: true });
    await closing(file, () => file.sync());
    await files.syncDirectory(location);
  });
  return 'wrapper';
}
