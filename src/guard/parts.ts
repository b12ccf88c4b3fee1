/** The internal parts of a guard. */
import type { VoteStore, Watermark } from '../adapter/persistence.js';
import type { OwnLane } from './own-lane.js';
import type { Signer } from './signer.js';
import type { WitnessQuorum } from './witness-quorum.js';

/** What the guards of one store have begun to sign. The store may not contain it yet. */
export interface Given<Block> {
  readonly reserved: Map<string, Watermark>;
  readonly own: OwnLane<Block>;
}

/** The parts of a guard, in addition to its options. */
export interface GuardParts<Block> {
  readonly votes: VoteStore<Block>;
  readonly signer: Signer;
  readonly detach: () => void;
  readonly given: Given<Block>;
  readonly sinks: WitnessQuorum | undefined;
}
