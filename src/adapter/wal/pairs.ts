/**
 * The A/B files of a state directory, read without touching them: the prune anchor and the node's inner state.
 *
 * Which copy counts, the pair tells (ab-file.ts). If the content of that copy is none, the directory is damaged, and the other copy does not
 * stand in for it, as in the original: the newest copy may have been acknowledged, and the node may have voted by it.
 */
import type { Finding } from '../../errors.js';
import type { Model } from '../../model/model.js';
import type { AnchorPoint } from '../planner.js';
import { anchorPoint } from '../round-plan.js';
import { type ABScan, fileOf, scanAB } from './ab-file.js';
import { messageOf } from './io.js';
import { ANCHOR_PREFIX, INNER_PREFIX } from './layout.js';

/** What both pairs hold. */
export interface PairsScan<A> {
  readonly anchorPair: ABScan;
  readonly innerPair: ABScan;
  readonly anchor: { readonly entry: A; readonly point: AnchorPoint } | undefined;
  /** In memory of its own. */
  readonly inner: Uint8Array | undefined;
  readonly notes: readonly string[];
  /** When there are any, nothing else here may be relied on. */
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

/** Without a checksum, that it reads is all that tells a whole inner state from a damaged one. */
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
  const other = older === undefined ? '' : `; the other copy is older (seq ${older}), and does not stand in for it`;
  return {
    kind: 'ab-undecodable',
    file: fileOf(prefix, newest!.slot),
    detail: `the newest copy (seq ${newest?.seq}) is whole, but its data is ${what}: ${messageOf(error)}${other}`,
  };
}
