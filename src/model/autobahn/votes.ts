/**
 * The votes of a validator, in all versions: the log of each message, the votes that it excludes,
 * and the CommitQC that it requires.
 *
 * Prepare votes, commit votes and timeout votes have a log each, ordered by view. A single log
 * would refuse votes of honest nodes: votes of others may overtake a proposal, so a node may sign
 * its commit vote of a view before its prepare vote. `before` orders the logs against each other:
 *
 * - After a vote in a later view, or a timeout vote in this view, a node signs no prepare or commit
 *   vote in this view.
 * - After a commit vote, a timeout vote of the same view must name that view as its latest
 *   PrepareQC: this keeps the lock. In later views the TimeoutQC decides which PrepareQC is named,
 *   so timeout votes there are not restricted.
 */
import { LanestoreError } from '../../errors.js';
import { ENTRY_NUMBER_MAX, type LaneId, laneIdOf, U64_MAX } from '../../keys/index.js';
import { includingCheck } from '../checking-digest.js';
import type { LanePlace, LogHistory, LogPlace, Position, VoteHistory, VoteModel } from '../model.js';
import { checked, hashOf } from './codec.js';
import { signature as signatureKind } from './common.js';
import { publicKeyOf, signHash } from './ed25519.js';
import { ownVotesOf } from './inner.js';
import type { Kind } from './scalars.js';
import { KEY_BYTES } from './sizes.js';
import type {
  BlockHeader,
  InView,
  MsgOf,
  PersistedInnerOf,
  SignedBlockOf,
  TimeoutVoteOf,
  WithSignature,
} from './types.js';

type TimeoutVote = InView & TimeoutVoteOf<InView['view']>;

/** The parts that differ between versions. */
export interface VoteVersion<B, P extends InView, T extends TimeoutVote, A> {
  readonly msg: Kind<MsgOf<B, P, T, A>>;
  readonly lanesRecur: boolean;
  readonly isOwnLane: (lane: LaneId, signer: Uint8Array) => boolean;
  /** The position of a vote for a state of the application, in its log. */
  readonly appPosition: (vote: A) => bigint;
  /** The vote in an anchor. */
  readonly appVoteOf: (anchor: unknown) => A;
  /** @throws LANESTORE_INVALID for bytes that are not an inner state. */
  readonly innerOf: (bytes: Uint8Array) => PersistedInnerOf<P, T>;
}

/** The model of votes of a version. Its votes are messages, its digests message hashes. */
export function votesOf<
  B extends { readonly header: BlockHeader },
  P extends InView,
  T extends TimeoutVote,
  A extends { readonly roadIndex: bigint },
>(version: VoteVersion<B, P, T, A>): VoteModel<MsgOf<B, P, T, A>, SignedBlockOf<B>, WithSignature<MsgOf<B, P, T, A>>> {
  type Msg = MsgOf<B, P, T, A>;
  const check = (msg: Msg) => {
    checked('vote', version.msg, msg);
    checkNumbers(msg);
  };
  const place = (msg: Msg) => placeOf(msg, version.appPosition);
  const digest = includingCheck((msg: Msg) => {
    const hash = hashOf('vote', version.msg, msg);
    checkNumbers(msg);
    return hash;
  }, check);
  return {
    logs: {
      proposal: { arity: 2, part: 'rounds' },
      prepare: { arity: 2, part: 'rounds' },
      commit: { arity: 2, part: 'rounds' },
      timeout: { arity: 2, part: 'rounds' },
      app: { arity: 1, part: 'app' },
    },
    lanesRecur: version.lanesRecur,
    check,
    place,
    digest,
    laneVote: ({ block }) => ({ kind: 'laneVote', value: block.header }),
    blockOf: ({ msg, sig }) => {
      if (msg.kind !== 'laneProposal') throw new LanestoreError('LANESTORE_INVALID', `a ${msg.kind} is no block`);
      return { block: msg.value, sig };
    },
    isOwnLane: version.isOwnLane,
    signed: (msg, key, sig) => ({ msg, sig: checked('signature', signatureKind, { key, sig }) }),
    opened: ({ msg, sig }) => ({ vote: msg, signer: sig.key }),
    keyOf(secret) {
      if (secret.length !== KEY_BYTES) {
        throw new LanestoreError('LANESTORE_INVALID', `secret is ${secret.length} bytes long, must be ${KEY_BYTES}`);
      }
      const own = new Uint8Array(secret);
      return { signer: publicKeyOf(own), sign: (digest) => signHash(own, digest) };
    },
    /**
     * From the original's inner state: its votes become watermarks, and floors lie below its
     * current view. An inner state contains no proposal, so no further proposal is signed in the
     * current view. For app votes, the floor is the anchor's state of the application.
     */
    history(inner, anchor): VoteHistory {
      const logs = new Map<string, LogHistory>();
      if (anchor !== undefined) {
        logs.set('app', { watermark: undefined, floor: [version.appPosition(version.appVoteOf(anchor))] });
      }
      if (inner === undefined) return { signer: undefined, logs };
      const state = version.innerOf(inner);
      const given = ownVotesOf(state);
      const current = currentView(state);
      const floor = before(current);
      for (const log of ['prepare', 'commit', 'timeout']) logs.set(log, { watermark: undefined, floor });
      logs.set('proposal', { watermark: undefined, floor: current });
      for (const { msg } of given) {
        check(msg);
        const { log, at } = place(msg) as LogPlace;
        // A vote of an earlier view is below the floor; the original leaves none.
        if (compare(at, current) === 0) logs.set(log, { watermark: { at, digest: digest(msg) }, floor });
      }
      return { signer: given[0]?.sig.key, logs };
    },
  };
}

/**
 * The current view of the state: the later of the view that its QCs justify and the latest view
 * that it voted in.
 */
function currentView(state: PersistedInnerOf<InView, InView>): Position {
  const { commitQC, timeoutQC, prepareQC } = state;
  const road = commitQC === undefined ? 0n : commitQC.vote.view.index + 1n;
  const views: Position[] = [[road, 0n]];
  for (const { msg } of timeoutQC?.votes ?? []) views.push([msg.view.index, msg.view.number + 1n]);
  if (prepareQC !== undefined) views.push(positionOf(prepareQC.vote.view));
  for (const { msg } of ownVotesOf(state)) views.push(positionOf(msg.value.view));
  const inRange = views.map(([index = 0n, number = 0n]) => (number > U64_MAX ? [index + 1n, 0n] : [index, number]));
  return inRange.reduce((highest, view) => (compare(view, highest) > 0 ? view : highest));
}

/** The position before; none before the first one. */
function before([index = 0n, number = 0n]: Position): Position | undefined {
  if (number > 0n) return [index, number - 1n];
  return index > 0n ? [index - 1n, U64_MAX] : undefined;
}

function compare([index = 0n, number = 0n]: Position, [otherIndex = 0n, otherNumber = 0n]: Position): number {
  if (index !== otherIndex) return index < otherIndex ? -1 : 1;
  return number === otherNumber ? 0 : number < otherNumber ? -1 : 1;
}

type AnyMsg = MsgOf<{ readonly header: BlockHeader }, InView, TimeoutVote, { readonly roadIndex: bigint }>;

function checkNumbers(msg: AnyMsg): void {
  if (msg.kind === 'timeoutVote') {
    const { view, latestPrepareQCViewNumber: latest } = msg.value;
    if (latest !== undefined && latest > view.number) {
      throw new LanestoreError(
        'LANESTORE_INVALID',
        `vote.latestPrepareQCViewNumber ${latest} is after the view ${view.number} that the vote gives up`,
      );
    }
  }
  const road = roadOf(msg);
  if (road !== undefined && road > ENTRY_NUMBER_MAX) {
    throw new LanestoreError('LANESTORE_INVALID', `vote: road index ${road} is too high: no CommitQC can have it`);
  }
}

function placeOf<A extends { readonly roadIndex: bigint }>(
  msg: MsgOf<{ readonly header: BlockHeader }, InView, TimeoutVote, A>,
  appPosition: (vote: A) => bigint,
): LogPlace | LanePlace {
  switch (msg.kind) {
    case 'laneProposal':
      return { part: 'own', lane: laneIdOf(msg.value.header.lane), number: msg.value.header.blockNumber };
    case 'laneVote':
      return { part: 'lanes', lane: laneIdOf(msg.value.lane), number: msg.value.blockNumber };
    case 'proposal':
      return inView('proposal', msg.value.view);
    case 'prepareVote':
      return inView('prepare', msg.value.view, after('commit', msg.value.view), of('timeout', msg.value.view));
    case 'commitVote':
      return inView('commit', msg.value.view, after('prepare', msg.value.view), of('timeout', msg.value.view));
    case 'timeoutVote': {
      const { view, latestPrepareQCViewNumber: latest } = msg.value;
      const lock = latest === view.number ? after('commit', view) : of('commit', view);
      return inView('timeout', view, after('prepare', view), lock);
    }
    case 'appVote':
      return { log: 'app', at: [appPosition(msg.value)], before: [], needs: msg.value.roadIndex + 1n };
  }
}

type View = InView['view'];
type Before = LogPlace['before'][number];

/** A vote in a view requires the CommitQC of the road before it. */
function inView(log: string, view: View, position?: Before, another?: Before): LogPlace {
  const before: Before[] = position === undefined ? [] : [position];
  if (another !== undefined) before.push(another);
  return { log, at: positionOf(view), before, needs: view.index };
}

function of(log: string, view: View): Before {
  return [log, positionOf(view)];
}

/** The first position above `view`; none above the last one. */
function after(log: string, { index, number }: View): Before | undefined {
  if (number < U64_MAX) return [log, [index, number + 1n]];
  return index < U64_MAX ? [log, [index + 1n, 0n]] : undefined;
}

function positionOf({ index, number }: View): Position {
  return [index, number];
}

function roadOf(msg: AnyMsg): bigint | undefined {
  switch (msg.kind) {
    case 'laneProposal':
    case 'laneVote':
      return undefined;
    case 'appVote':
      return msg.value.roadIndex;
    default:
      return msg.value.view.index;
  }
}
