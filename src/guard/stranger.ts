/**
 * Decides whether this store gave a message that is signed with its own key. If it did not, another
 * copy signs with the key, or the store lost its record.
 */
import type { Cursors, SeenPlace, VoteState, VoteStore } from '../adapter/persistence.js';
import { digestOf, isLanePlace, placedVote } from '../adapter/round-votes.js';
import { comparePositions, isClosed, type PlacedVote } from '../adapter/vote-rules.js';
import type { LanePlace, VoteModel, VotePart } from '../model/model.js';
import type { OwnLane } from './own-lane.js';

/** The state that distinguishes a guard's own signatures from those of another signer. */
export interface Known<Vote, Block, Signed> {
  readonly model: VoteModel<Vote, Block, Signed>;
  readonly votes: VoteStore<Block>;
  /** The votes that were given, including those that are being signed. */
  readonly given: VoteState;
  readonly own: OwnLane<Block>;
  /** The durable cursors. */
  readonly cursors: () => Cursors;
}

/** The part to close, and the reason in words. */
interface Reason {
  readonly part: VotePart;
  readonly why: string;
}

/** A reason, and the place in which another signer has used the key. */
export interface Stranger extends Reason {
  readonly seen: SeenPlace;
}

/**
 * Why a message that is signed with the own key is another signer's. Undefined if this store gave
 * it, or if its place is below the range that the store holds.
 */
export async function strangerIn<Vote, Block, Signed>(
  known: Known<Vote, Block, Signed>,
  signed: Signed,
): Promise<Stranger | undefined> {
  const { model } = known;
  const { vote } = model.opened(signed);
  model.check(vote);
  const place = model.place(vote);
  if (!isLanePlace(place)) return strangerInLog(known.given, placedVote(model, vote));
  const { part, lane, number } = place;
  const found = await (part === 'own' ? strangerBlock(known, signed, place) : strangerVote(known, vote, place));
  // Checked after the reads: the lane may have been dropped during them.
  const { planned } = known.votes;
  const floor = planned.laneFloors.get(lane);
  if (found === undefined || (floor !== undefined && number < floor)) return undefined;
  if (number === floor && !isLost(planned, part)) return undefined;
  return { ...found, seen: { lane, number } };
}

/**
 * True if signatures of the part came from outside. A floor may then be the place of such a
 * signature.
 */
function isLost(state: VoteState, part: VotePart): boolean {
  return state.quarantine?.lost === true && isClosed(state, part);
}

function strangerInLog(state: VoteState, { log, at, digest, part }: PlacedVote): Stranger | undefined {
  const { watermark, floor } = state.logs.get(log) ?? {};
  if (floor !== undefined && comparePositions(at, floor) <= 0 && !isLost(state, part)) return undefined;
  const seen = { log, at };
  const name = `a vote at (${at.join(', ')}) of log ${log}`;
  const order = watermark === undefined ? 1 : comparePositions(at, watermark.at);
  if (order > 0) return { part, seen, why: `${name} came from outside: this store never gave it` };
  const isOther = order === 0 && watermark !== undefined && Buffer.compare(digest, watermark.digest) !== 0;
  return isOther ? { part, seen, why: `${name} came from outside: this store gave another one` } : undefined;
}

/**
 * Checks a block of the own lane. Valid blocks are in the store, below its range, or signed and not
 * durable yet.
 */
async function strangerBlock<Vote, Block, Signed>(
  { model, votes, own }: Known<Vote, Block, Signed>,
  signed: Signed,
  { lane, number }: LanePlace,
): Promise<Reason | undefined> {
  const name = `block ${number} of the own lane`;
  const differs = { part: 'own', why: `${name} came from outside: this store holds another one` } as const;
  const pending = own.pending(lane, number);
  if (pending !== undefined) {
    return Buffer.compare(pending, digestOf(model, model.opened(signed).vote)) === 0 ? undefined : differs;
  }
  if (number >= (votes.nextBlock(lane) ?? 0n)) {
    return { part: 'own', why: `${name} came from outside: this store lacks it` };
  }
  // Before the read: the caller may reuse the memory of the message meanwhile.
  const seen = digestOf(model, model.laneVote(model.blockOf(signed)));
  const held = await votes.block(lane, number);
  if (held === undefined) return undefined;
  return Buffer.compare(digestOf(model, model.laneVote(held)), seen) === 0 ? undefined : differs;
}

/** Checks a vote for a block. A guard votes only for blocks that its durable lane holds. */
async function strangerVote<Vote, Block, Signed>(
  { model, votes, cursors }: Known<Vote, Block, Signed>,
  vote: Vote,
  { lane, number }: LanePlace,
): Promise<Reason | undefined> {
  const name = `a vote for block ${number} of lane ${lane}`;
  const digest = digestOf(model, vote);
  const held = await votes.block(lane, number);
  if (held !== undefined) {
    const isOwn = Buffer.compare(digestOf(model, model.laneVote(held)), digest) === 0;
    return isOwn ? undefined : { part: 'lanes', why: `${name} came from outside: this store holds another block` };
  }
  const cursor = cursors().lanes.get(lane);
  // Without floors, a dropped lane cannot be distinguished from one that never existed.
  const isLacking = cursor === undefined ? model.lanesRecur : number >= cursor.first;
  return isLacking ? { part: 'lanes', why: `${name} came from outside: this store lacks the block` } : undefined;
}
