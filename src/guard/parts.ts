/** What a guard is made of. */
import type { VoteStore, Watermark } from '../adapter/persistence.js';
import type { OwnLane } from './own-lane.js';
import type { Signer } from './signer.js';
import type { WitnessQuorum } from './witness-quorum.js';

/** What guards of one store have begun to sign, and the store may not show. */
export interface Given<Block> {
  readonly reserved: Map<string, Watermark>;
  readonly own: OwnLane<Block>;
}

/** What a guard is made of, beside its options. */
export interface GuardParts<Block> {
  readonly votes: VoteStore<Block>;
  readonly signer: Signer;
  readonly detach: () => void;
  readonly given: Given<Block>;
  readonly sinks: WitnessQuorum | undefined;
}
