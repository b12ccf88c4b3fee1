/** The model of a version: what a store must know about the protocol. */
import { laneIdOf } from '../../keys/index.js';
import type { EntryCodec, Model } from '../model.js';
import type { BlockHeader, Certificate, InView, LaneRange, PruneAnchorOf, SignedBlockOf } from './types.js';

/** What a version has of its own. */
export interface ModelVersion<B, Q, A, V> {
  /** `autobahn/` and the revision of the original. */
  readonly name: string;
  readonly codecs: {
    readonly signedBlock: EntryCodec<B>;
    readonly commitQC: EntryCodec<Q>;
    readonly pruneAnchor: EntryCodec<A>;
    readonly persistedInner: { fromWire(bytes: Uint8Array): unknown };
  };
  /** The number at which a lane starts once the CommitQC of this range is the anchor's. */
  readonly laneStart: (range: LaneRange) => bigint;
  readonly votes: V;
}

/** Makes the model of a version. */
export function modelOf<
  B extends SignedBlockOf<{ readonly header: BlockHeader }>,
  Q extends Certificate<InView & { readonly laneRanges: readonly LaneRange[] }>,
  A extends PruneAnchorOf<Certificate<{ readonly roadIndex: bigint }>, Q>,
  V extends NonNullable<Model<B, Q, A>['votes']>,
>({ name, codecs, laneStart, votes }: ModelVersion<B, Q, A, V>): Model<B, Q, A> & { readonly votes: V } {
  return {
    name,
    block: {
      ...codecs.signedBlock,
      lane: ({ block }) => laneIdOf(block.header.lane),
      number: ({ block }) => block.header.blockNumber,
    },
    commitQC: {
      ...codecs.commitQC,
      index: ({ vote }) => vote.view.index,
      laneStarts: ({ vote }) => vote.laneRanges.map((range) => [laneIdOf(range.lane), laneStart(range)] as const),
    },
    anchor: {
      ...codecs.pruneAnchor,
      index: ({ appQC }) => appQC.vote.roadIndex,
      commitQC: ({ commitQC }) => commitQC,
    },
    inner: { check: (bytes) => void codecs.persistedInner.fromWire(bytes) },
    votes,
  };
}
