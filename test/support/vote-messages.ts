/** Messages of consensus in one line: only what places and digests are made of. */
import fc from 'fast-check';
import { HASH_BYTES, type Msg, type Proposal } from '../../src/model/autobahn/index.js';

/** A proposal of view (road, view); another `variant` is another proposal. */
export function proposalOf(road: bigint | number, view: bigint | number, variant = 0): Proposal {
  return {
    view: { index: BigInt(road), number: BigInt(view) },
    createdAt: { seconds: BigInt(variant), nanos: 0 },
    laneRanges: [],
  };
}

/** A message about that proposal. */
export function proposalMsg(
  kind: 'proposal' | 'prepareVote' | 'commitVote',
  road: bigint | number,
  view: bigint | number,
  variant = 0,
): Msg {
  return { kind, value: proposalOf(road, view, variant) };
}

/** A timeout vote; `latest` is the view number of the PrepareQC that it names. */
export function timeoutMsg(road: bigint | number, view: bigint | number, latest?: bigint | number): Msg {
  const value = { view: { index: BigInt(road), number: BigInt(view) } };
  return {
    kind: 'timeoutVote',
    value: latest === undefined ? value : { ...value, latestPrepareQCViewNumber: BigInt(latest) },
  };
}

/**
 * A vote for the state of the application after block `globalNumber`, which road `road` ordered.
 */
export function appMsg(globalNumber: bigint | number, road: bigint | number, variant = 0): Msg {
  const appHash = new Uint8Array(HASH_BYTES).fill(variant);
  return { kind: 'appVote', value: { globalNumber: BigInt(globalNumber), roadIndex: BigInt(road), appHash } };
}

const small = fc.nat(2);
const view = fc.nat(3);
const variant = fc.nat(1);

/** Any vote of a log, at places so few that they meet. */
export const anyVote: fc.Arbitrary<Msg> = fc.oneof(
  fc
    .tuple(fc.constantFrom('proposal', 'prepareVote', 'commitVote'), small, view, variant)
    .map(([kind, road, number, of]) => proposalMsg(kind, road, number, of)),
  fc
    .tuple(small, view, fc.option(view, { nil: undefined }))
    .map(([road, number, latest]) =>
      timeoutMsg(road, number, latest === undefined ? undefined : Math.min(latest, number)),
    ),
  fc.tuple(fc.nat(5), small, variant).map(([number, road, of]) => appMsg(number, road, of)),
);
