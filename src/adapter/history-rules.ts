/**
 * Applies a signing history to the votes of a store. A history raises watermarks and floors; a
 * final one for this store, or one that sinks prove, also opens parts. Pure, and shared by all
 * backends that keep votes.
 */
import { hex } from '../base/bytes.js';
import { LanestoreError } from '../errors.js';
import { maxU64 } from '../keys/index.js';
import type { Position, VoteModel, VotePart } from '../model/model.js';
import type { VoteLogState, VoteState } from './persistence.js';
import type { HandoverRequest, SigningHistory } from './signing-history.js';
import { VOTE_PARTS } from './store-votes.js';
import { comparePositions, LANE_FLOORS_MAX, withQuarantine } from './vote-rules.js';
import type { StoreBatch } from './witness-set.js';
import { withHeirs } from './witness-set.js';

/** The store that a history is applied to. */
export interface HistoryTarget<State extends VoteState> {
  readonly model: { readonly name: string; readonly logs: VoteModel<unknown, never, unknown>['logs'] };
  readonly network: string;
  readonly store: Uint8Array;
  readonly seq: bigint;
  readonly votes: State;
  /** True if the store and the history have different blocks of the own lane under one number. */
  readonly hasOtherBlock: boolean;
  /** The time of the import, for the record. */
  readonly when: string;
}

/** The votes after the import. */
export interface AppliedHistory<State extends VoteState> {
  readonly votes: State;
  /** The logs and lanes whose watermarks or floors rose. */
  readonly raised: readonly string[];
  readonly opened: readonly VotePart[];
  /** Why parts stay closed; absent if none stays closed. */
  readonly pending?: string;
}

/**
 * Proof that a claim has read a history from the sinks of a key: the previous signer can no longer
 * write to a quorum of them.
 */
export interface WitnessProof {
  /** The other batches in the sinks, of stores that the history continues. */
  readonly older: readonly StoreBatch[];
  /** Why the sinks may lack something that was released; undefined if they lack nothing. */
  readonly doubt: string | undefined;
}

/**
 * Applies a history. No watermark or floor falls. Parts open only if the history is final, for this
 * store and its newest quarantine, or if sinks prove it.
 * @throws LANESTORE_INVALID for a history that does not fit this store; LANESTORE_CAPACITY for more
 * floors of lanes than a store keeps.
 */
export function appliedHistory<State extends VoteState>(
  target: HistoryTarget<State>,
  history: SigningHistory,
  proof?: WitnessProof,
): AppliedHistory<State> {
  checkFits(target, history);
  const raised = new Set<string>();
  const conflicts = new Set<VotePart>();
  const logs = new Map(target.votes.logs);
  for (const [name, given] of history.logs) {
    const { arity, part } = logNamed(target.model.logs, name);
    for (const at of [given.watermark?.at, given.floor]) {
      if (at !== undefined && at.length !== arity) throw invalid(`log ${name} has positions of ${arity} numbers`);
    }
    const before = logs.get(name) ?? NO_LOG;
    const [watermark, isOther] = higherWatermark(before, given);
    const floor = higher(before.floor, given.floor);
    if (isOther) conflicts.add(part);
    if (watermark !== before.watermark || floor !== before.floor) raised.add(name);
    logs.set(name, { watermark, floor });
  }
  const laneFloors = new Map(target.votes.laneFloors);
  for (const [lane, { last, floor }] of history.lanes) {
    const least = [last, floor].filter((number) => number !== undefined).reduce(maxU64, -1n);
    if (least < 0n || least <= (laneFloors.get(lane) ?? -1n)) continue;
    laneFloors.set(lane, least);
    raised.add(lane);
  }
  if (laneFloors.size > LANE_FLOORS_MAX) {
    throw new LanestoreError('LANESTORE_CAPACITY', `a store keeps floors of at most ${LANE_FLOORS_MAX} lanes`);
  }
  if (target.hasOtherBlock) conflicts.add('own');
  const { signer } = target.votes;
  const why = 'no key was bound to the store';
  // Without a key all parts are closed, although no quarantine names them.
  const bound =
    signer === undefined ? withQuarantine(target.votes, { parts: VOTE_PARTS, why, when: target.when }) : target.votes;
  const votes = { ...bound, signer: history.signer, logs, laneFloors, ...takenOver(target, history, proof) };
  const parts = [...conflicts];
  const doubts = proof?.doubt;
  const differs = 'a signing history names another signature in the same place';
  // The import raises the store to the sinks' batch, so a later comparison could not detect that
  // the history was incomplete.
  const doubted =
    doubts === undefined ? votes : withQuarantine(votes, { parts: VOTE_PARTS, why: doubts, when: target.when });
  const closed =
    parts.length === 0 ? doubted : withQuarantine(doubted, { parts, why: differs, when: target.when, lost: true });
  const isOpen = signer !== undefined && closed.quarantine === undefined;
  if (isOpen) return { votes: closed, raised: [...raised], opened: [] };
  const doubt = proof === undefined ? (history.kind === 'final' ? undefined : LIVE) : doubts;
  if (doubt !== undefined) return { votes: closed, raised: [...raised], opened: [], ...pendingOf(closed, doubt) };
  // With a proof nothing counts as lost: a quorum of sinks holds everything that was released.
  const isLost = target.votes.quarantine?.lost === true && proof === undefined;
  if (conflicts.size > 0 || isLost) {
    return { votes: closed, raised: [...raised], opened: [], ...pendingOf(closed, 'the key signed elsewhere, too') };
  }
  return { raised: [...raised], ...openedBy(closed, history) };
}

const NO_LOG: VoteLogState = { watermark: undefined, floor: undefined };
const LIVE = 'the history is not final: the store that it was taken from may have signed since';

/** The stores that this one replaces from now on, and the sinks that it must write from now on. */
function takenOver<State extends VoteState>(
  { store, votes }: HistoryTarget<State>,
  history: SigningHistory,
  proof: WitnessProof | undefined,
): Pick<VoteState, 'heirOf' | 'sinks'> {
  if (history.kind !== 'final' && proof === undefined) return {};
  const taken = [...history.heirOf, ...(proof?.older ?? []), { store: history.store, seq: history.seq }];
  const others = taken.filter((heir) => hex(heir.store) !== hex(store));
  const heirOf = withHeirs(votes.heirOf ?? [], others);
  const { sinks } = history;
  const isNew = votes.sinks === undefined && sinks !== undefined;
  return { heirOf, ...(isNew ? { sinks: { names: sinks.names, quorum: sinks.quorum } } : {}) };
}

function pendingOf({ quarantine }: VoteState, why: string): { readonly pending?: string } {
  return quarantine === undefined ? {} : { pending: why };
}

/** Opens the closed parts, except those that were closed in the history's store. */
function openedBy<State extends VoteState>(
  votes: State,
  history: SigningHistory,
): Pick<AppliedHistory<State>, 'votes' | 'opened' | 'pending'> {
  const before = votes.quarantine?.parts ?? [];
  const theirs = history.quarantine;
  const left = before.filter((part) => theirs?.parts.includes(part) === true);
  const opened = before.filter((part) => !left.includes(part));
  const missing = theirs?.parts.filter((part) => !before.includes(part)) ?? [];
  const parts = [...left, ...missing];
  if (theirs === undefined || parts.length === 0) return { votes: { ...votes, quarantine: undefined }, opened };
  const { why, when, lost } = theirs;
  const quarantine = { parts, why, when, ...(lost === true ? { lost } : {}) };
  return { votes: { ...votes, quarantine }, opened, pending: `closed before the handover: ${why}` };
}

function checkFits<State extends VoteState>(target: HistoryTarget<State>, history: SigningHistory): void {
  const { model, network, store, seq, votes } = target;
  if (history.model !== model.name) throw invalid(`it is of the model ${history.model}, the store of ${model.name}`);
  if (history.network !== network) throw invalid(`it is of the network ${history.network}, not ${network}`);
  if (votes.signer !== undefined && hex(votes.signer) !== hex(history.signer)) {
    throw invalid(`it is of the key ${hex(history.signer)}, the store of ${hex(votes.signer)}`);
  }
  if (history.to === undefined) return;
  if (hex(history.to.store) !== hex(store)) throw invalid(`it hands over to the store ${hex(history.to.store)}`);
  checkCurrent(history.to, seq, votes);
}

/** A final history opens only parts that were closed before its request. */
function checkCurrent({ seq: asked }: HandoverRequest, seq: bigint, { quarantine }: VoteState): void {
  if (asked > seq) throw invalid(`it answers a request of batch ${asked}, the newest batch is ${seq}: an older copy`);
  const closedBy = quarantine?.seq;
  if (closedBy !== undefined && asked < closedBy) {
    throw invalid(`it answers a request of batch ${asked}, and batch ${closedBy} has closed parts since`);
  }
}

function logNamed(logs: VoteModel<unknown, never, unknown>['logs'], name: string) {
  const log = Object.hasOwn(logs, name) ? logs[name] : undefined;
  if (log === undefined) throw invalid(`it has the log ${name}, which the model of the store does not know`);
  return log;
}

function higherWatermark(
  { watermark: own }: VoteLogState,
  { watermark: given }: VoteLogState,
): [VoteLogState['watermark'], boolean] {
  if (given === undefined || own === undefined) return [own ?? given, false];
  const order = comparePositions(given.at, own.at);
  if (order !== 0) return [order > 0 ? given : own, false];
  return [own, Buffer.compare(given.digest, own.digest) !== 0];
}

function higher(own: Position | undefined, given: Position | undefined): Position | undefined {
  if (given === undefined || own === undefined) return own ?? given;
  return comparePositions(given, own) > 0 ? given : own;
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `the signing history does not fit: ${what}`, {
    remedy: 'nothing was changed; see docs/signing-safety.md',
  });
}
