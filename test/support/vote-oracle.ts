/**
 * Decides which signatures may leave a validator, from the list of all earlier ones only. It shares
 * no code with the rules of votes: it uses messages of Autobahn, not logs, floors or watermarks.
 */
import type { Msg } from '../../src/model/autobahn/index.js';

/** A signature that left the process: the message, and the bytes that were signed. */
export interface Released {
  readonly msg: Msg;
  readonly digest: Uint8Array;
}

interface Entry extends Released {
  isReleased: boolean;
}

/**
 * See the top of this file. A vote counts from the moment at which it became durable, or left: a
 * signature that comes late is no other than one that the network delayed.
 */
export class ReleaseOracle {
  readonly #entries: Entry[] = [];

  /** Signatures that left so far, repeated ones not counted. */
  get count(): number {
    return this.#entries.filter(({ isReleased }) => isReleased).length;
  }

  /** The vote is on the disk: it counts as given, whether it leaves or not. */
  durable(vote: Released): void {
    this.#entryOf(vote);
  }

  /** Takes the next released signature. Returns the violation, or undefined. */
  release(vote: Released): string | undefined {
    const entry = this.#entryOf(vote);
    if (entry.isReleased) return undefined;
    entry.isReleased = true;
    const at = this.#entries.indexOf(entry);
    for (const [i, other] of this.#entries.entries()) {
      if (other === entry || !other.isReleased) continue;
      const place = placeOf(vote.msg);
      if (placeOf(other.msg) === place) return `two digests at ${place}`;
      const wrong = i < at ? contradiction(other.msg, vote.msg) : contradiction(vote.msg, other.msg);
      if (wrong !== undefined) return `${placeOf(other.msg)} and ${place}: ${wrong}`;
    }
    return undefined;
  }

  #entryOf({ msg, digest }: Released): Entry {
    const place = placeOf(msg);
    const held = this.#entries.find(
      (entry) => placeOf(entry.msg) === place && Buffer.compare(entry.digest, digest) === 0,
    );
    if (held !== undefined) return held;
    const entry = { msg, digest, isReleased: false };
    this.#entries.push(entry);
    return entry;
  }
}

/** The one place that a message can have: its kind and where it stands. */
function placeOf({ kind, value }: Msg): string {
  switch (kind) {
    case 'laneProposal':
      return `${kind} ${Buffer.from(value.header.lane).toString('hex')} ${value.header.blockNumber}`;
    case 'laneVote':
      return `${kind} ${Buffer.from(value.lane).toString('hex')} ${value.blockNumber}`;
    case 'appVote':
      return `${kind} ${value.globalNumber}`;
    default:
      return `${kind} ${value.view.index}/${value.view.number}`;
  }
}

/** Why `next` must not follow `before`; both are of consensus, and not of the same place. */
function contradiction(before: Msg, next: Msg): string | undefined {
  const [earlier, later] = [viewOf(before), viewOf(next)];
  if (earlier === undefined || later === undefined) return undefined;
  if (before.kind === 'proposal' || next.kind === 'proposal') return undefined;
  const isBack = earlier.index > later.index || (earlier.index === later.index && earlier.number > later.number);
  if (isBack) return 'the view was left before';
  if (earlier.index !== later.index || earlier.number !== later.number) return undefined;
  if (before.kind === 'timeoutVote') return 'the view was given up before';
  if (before.kind === 'commitVote' && next.kind === 'timeoutVote') {
    return next.value.latestPrepareQCViewNumber === next.value.view.number ? undefined : 'the lock is forgotten';
  }
  return undefined;
}

function viewOf({ kind, value }: Msg): { readonly index: bigint; readonly number: bigint } | undefined {
  return kind === 'laneProposal' || kind === 'laneVote' || kind === 'appVote' ? undefined : value.view;
}
