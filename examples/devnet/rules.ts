/** The rules that honest validators never break, checked on every message of a run. Pure. */
import { headerHash, type LaneId, laneIdOf } from '../../src/index.js';
import { codecs, messageHash, type SignedMsg, type View } from '../../src/model/autobahn/index.js';
import type { Found, Wire } from './messages.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The votes of a validator in a view that concern its lock. */
interface Lock {
  readonly hasCommitted?: true;
  /** The view of the PrepareQC that its timeout vote names. */
  readonly timeout?: { readonly names: bigint | undefined };
}

/** The record of all messages, and the violations found in it. */
export class Record {
  readonly violations: string[] = [];
  #messages = 0;
  readonly #lanes: readonly LaneId[];
  /** By signer, kind and position: the hash of the signed message. */
  readonly #said = new Map<string, string>();
  /** By signer and view. */
  readonly #locks = new Map<string, Lock>();
  /** By node: the blocks that it sent or voted for, by lane and number. */
  readonly #voted = new Map<number, Map<string, { lane: number; number: bigint; hash: string }>>();
  /** By node: the road index after the latest CommitQC that it has sent or based a vote on. */
  readonly #roads = new Map<number, bigint>();

  /** @param lanes the lane ids, in the order of the committee */
  constructor(lanes: readonly LaneId[]) {
    this.#lanes = lanes;
  }

  /** Number of messages so far. */
  get messages(): number {
    return this.#messages;
  }

  /** Records a message from node `from`. A forwarded message counts for its signer. */
  sent(from: number, wire: Wire): void {
    this.#messages++;
    switch (wire.kind) {
      case 'block': {
        const { block, sig } = codecs.signedBlock.fromWire(wire.bytes);
        const { lane, blockNumber } = block.header;
        this.#once(hex(sig.key), `block ${laneIdOf(lane).slice(0, 8)}/${blockNumber}`, hex(headerHash(block.header)));
        if (this.#lanes[from] === laneIdOf(lane)) this.#holds(from, from, blockNumber, hex(headerHash(block.header)));
        return;
      }
      case 'commitQC': {
        const { vote } = codecs.commitQC.fromWire(wire.bytes);
        // The view is ignored: a later view may commit the same proposal again, but no other.
        const ordered = { ...vote, view: { index: vote.view.index, number: 0n } };
        this.#once(
          'network',
          `CommitQC of road ${vote.view.index}`,
          hex(messageHash({ kind: 'commitVote', value: ordered })),
        );
        this.#entered(from, vote.view.index + 1n);
        return;
      }
      case 'vote':
        this.#vote(from, codecs.signedMsg.fromWire(wire.bytes));
        return;
      case 'proposal':
        this.#vote(from, codecs.signedMsg.fromWire(wire.bytes));
        return;
      case 'timeout':
        this.#vote(from, codecs.signedMsg.fromWire(wire.timeout.bytes));
        return;
      default:
        return;
    }
  }

  /** Checks what node `from` recovered after a restart against its earlier messages. */
  found(from: number, { nextQC, lanes }: Found): void {
    for (const { lane, number, hash } of this.#voted.get(from)?.values() ?? []) {
      const held = lanes[lane];
      if (held === undefined || number < held.first) continue;
      const there = held.hashes[Number(number - held.first)];
      const what = `block ${this.#lanes[lane]?.slice(0, 8)}/${number}`;
      if (there === undefined) this.#violation(`node ${from} sent or voted for ${what}, and its store has lost it`);
      else if (there !== hash)
        this.#violation(`node ${from} sent or voted for a ${what} that differs from the one in its store`);
    }
    const entered = this.#roads.get(from) ?? 0n;
    if (nextQC < entered)
      this.#violation(
        `node ${from} had the CommitQC of road ${entered - 1n}, and its store now ends before road ${nextQC}`,
      );
  }

  /**
   * Notes that an older copy replaced the store of node `from`: missing entries are no violation.
   * The earlier messages of the node still count.
   */
  restored(from: number): void {
    this.#voted.delete(from);
    this.#roads.delete(from);
  }

  #vote(from: number, signed: SignedMsg): void {
    const { msg, sig } = signed;
    const signer = hex(sig.key);
    const hash = hex(messageHash(msg));
    switch (msg.kind) {
      case 'laneVote': {
        const { lane, blockNumber } = msg.value;
        this.#once(signer, `vote for block ${laneIdOf(lane).slice(0, 8)}/${blockNumber}`, hash);
        if (laneIdOf(sig.key) !== this.#lanes[from]) return;
        this.#holds(from, this.#lanes.indexOf(laneIdOf(lane)), blockNumber, hex(headerHash(msg.value)));
        return;
      }
      case 'appVote':
        this.#once(signer, `app vote after block ${msg.value.globalNumber}`, hash);
        return;
      case 'proposal':
      case 'prepareVote':
      case 'commitVote': {
        const { index, number } = msg.value.view;
        this.#once(signer, `${msg.kind} of road ${index}, view ${number}`, hash);
        if (msg.kind === 'commitVote') this.#locked(signer, msg.value.view, { hasCommitted: true });
        if (laneIdOf(sig.key) === this.#lanes[from]) this.#entered(from, index);
        return;
      }
      case 'timeoutVote': {
        const { view, latestPrepareQCViewNumber: names } = msg.value;
        this.#once(signer, `timeout vote of road ${view.index}, view ${view.number}`, hash);
        this.#locked(signer, view, { timeout: { names } });
        return;
      }
      default:
        return;
    }
  }

  #once(signer: string, place: string, hash: string): void {
    const key = `${signer} ${place}`;
    const before = this.#said.get(key);
    if (before === undefined) this.#said.set(key, hash);
    else if (before !== hash) this.#violation(`equivocation: ${signer.slice(0, 8)} signed two messages: ${place}`);
  }

  /** After a commit vote in a view, a timeout vote of that view must name the view's PrepareQC. */
  #locked(signer: string, { index, number }: View, said: Lock): void {
    const key = `${signer} ${index}/${number}`;
    const lock = { ...this.#locks.get(key), ...said };
    this.#locks.set(key, lock);
    if (lock.hasCommitted !== true || lock.timeout === undefined || lock.timeout.names === number) return;
    const view = `road ${index}, view ${number}`;
    this.#violation(`lock forgotten: ${signer.slice(0, 8)} gave up ${view}, which it voted to commit`);
  }

  #holds(node: number, lane: number, number: bigint, hash: string): void {
    const voted = this.#voted.get(node) ?? new Map();
    this.#voted.set(node, voted);
    voted.set(`${lane}/${number}`, { lane, number, hash });
  }

  #entered(node: number, road: bigint): void {
    if (road > (this.#roads.get(node) ?? 0n)) this.#roads.set(node, road);
  }

  #violation(what: string): void {
    if (!this.violations.includes(what)) this.violations.push(what);
  }
}
