/** Votes as they come from the network: signed messages, of which each place takes one kind. */
import { LanestoreError } from '../errors.js';
import {
  type AppProposal,
  type BlockHeader,
  messageHash,
  type Signature,
  type SignedMsg,
} from '../model/autobahn/index.js';
import { hexOf } from './lane.js';

/** A vote for a block. */
export interface SignedLaneVote {
  readonly header: BlockHeader;
  readonly sig: Signature;
}

/** A vote for a state of the application. */
export interface SignedAppVote {
  readonly app: AppProposal;
  readonly sig: Signature;
}

/** The vote in a message of that kind. @throws LANESTORE_INVALID for another kind; signatures are not looked at. */
export function voteOf(signed: SignedMsg, kind: 'laneVote'): SignedLaneVote;
export function voteOf(signed: SignedMsg, kind: 'appVote'): SignedAppVote;
export function voteOf({ msg, sig }: SignedMsg, kind: 'laneVote' | 'appVote'): SignedLaneVote | SignedAppVote {
  if (msg.kind === 'laneVote' && kind === msg.kind) return { header: msg.value, sig };
  if (msg.kind === 'appVote' && kind === msg.kind) return { app: msg.value, sig };
  throw new LanestoreError('LANESTORE_INVALID', `the message is a ${msg.kind}, not a ${kind}`);
}

/** The hash that was signed, as a key of maps. */
export function messageHashHex({ msg }: SignedMsg): string {
  return hexOf(messageHash(msg));
}
