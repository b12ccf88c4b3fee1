/**
 * Consensus on the order of the lanes. Each road index has views, each view has a leader, prepare
 * and commit votes of N-f validators, and timeouts for a leader that is down. It is a small
 * protocol for honest nodes that may crash. It shows why the store matters: a vote is stored before
 * it is sent, and after a restart the node sends the same vote again, never a different one.
 */
import {
  type AvailState,
  type CommitQC,
  type Committee,
  headerHash,
  isLanestoreError,
  type LaneRange,
  laneIdOf,
  type Proposal,
  type Signature,
} from '../../src/index.js';
import {
  codecs,
  HASH_BYTES,
  type LaneQC,
  type Msg,
  messageHash,
  type PrepareQC,
  type SignedMsg,
  verifyLaneQC,
  verifyPrepareQC,
  verifySignedMsg,
} from '../../src/model/autobahn/index.js';
import type { Timeout, Wire } from './messages.js';
import type { Voter } from './voter.js';

/** Blocks of a lane that one CommitQC may order. */
const RANGE_MAX = 10n;
/** Time limit of the first view of a road. Later views have twice this limit. */
const VIEW_MS = 1000;
/** Messages are kept for at most this many roads after the current one. */
const AHEAD = 4n;

/** The durable state of a node: its votes for the current road. */
interface Votes {
  readonly road: bigint;
  /** The latest view in which the node voted or timed out. */
  readonly view: bigint;
  readonly prepare?: SignedMsg;
  readonly commit?: SignedMsg;
  readonly timeout?: SignedMsg;
  readonly prepareQC?: PrepareQC;
}

interface View {
  proposal?: SignedMsg & { msg: { kind: 'proposal' } };
  readonly prepares: Map<string, Signature[]>;
  readonly commits: Map<string, Signature[]>;
  readonly votes: Map<string, Proposal>;
  readonly timeouts: Map<string, { readonly timeout: Timeout; readonly prepareQC: PrepareQC | undefined }>;
  readonly signed: Set<string>;
}

/** The interface of consensus to its node. */
export interface Seat {
  readonly state: AvailState;
  readonly committee: Committee;
  readonly voter: Voter;
  /**
   * True for a dishonest node, which votes twice in each view and forgets its lock. It shows that
   * the guard stops it.
   */
  readonly isWrong: boolean;
  readonly place: number;
  readonly send: (wire: Wire) => void;
  readonly fail: (error: unknown) => void;
  /** A vote that contradicts an earlier one was refused. */
  readonly stopped: () => void;
}

/** The consensus of one node. */
export class Consensus {
  readonly #seat: Seat;
  readonly #roads = new Map<bigint, Map<bigint, View>>();
  /** Messages for roads that this node has not entered yet. */
  readonly #later = new Map<bigint, (Wire & { kind: 'proposal' | 'vote' | 'timeout' })[]>();
  #road = 0n;
  #view = 0n;
  #previous: CommitQC | undefined;
  #mine: Votes;
  #timer: NodeJS.Timeout | undefined;
  #proposing: AbortController | undefined;
  #chain: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(seat: Seat) {
    this.#seat = seat;
    this.#mine = decodeVotes(seat.state.recoveredInner);
  }

  /** Runs road after road. A road is entered only when the previous CommitQC is durable. */
  async run(): Promise<void> {
    await this.#inTurn(() => this.#enter(this.#seat.state.lastCommitQC));
    for (;;) {
      const qc = await this.#seat.state.waitForCommitQC(this.#road);
      this.#seat.send({ kind: 'commitQC', bytes: codecs.commitQC.toWire(qc) });
      await this.#inTurn(() => this.#enter(qc));
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#proposing?.abort();
  }

  /** The messages that a peer in the same road may have missed. */
  repeat(): Wire[] {
    const { road, prepare, commit, timeout, prepareQC } = this.#mine;
    if (road !== this.#road) return [];
    const votes = [prepare, commit].filter((vote) => vote !== undefined);
    const wires: Wire[] = votes.map((vote) => ({ kind: 'vote', bytes: codecs.signedMsg.toWire(vote) }));
    if (timeout !== undefined) wires.push({ kind: 'timeout', timeout: timeoutOf(timeout, prepareQC) });
    return [...wires, ...this.#whyThisView()];
  }

  /**
   * The timeouts that started the current view. A peer without them would stay in an earlier view.
   */
  #whyThisView(): Wire[] {
    if (this.#view === 0n) return [];
    const { timeouts } = this.#viewOf(this.#road, this.#view - 1n);
    return [...timeouts.values()].map(({ timeout }) => ({ kind: 'timeout', timeout }));
  }

  /** Handles a proposal, a prepare or commit vote, or a timeout. */
  receive(wire: Wire & { kind: 'proposal' | 'vote' | 'timeout' }): void {
    const bytes = wire.kind === 'timeout' ? wire.timeout.bytes : wire.bytes;
    const signed = codecs.signedMsg.fromWire(bytes);
    const { msg } = signed;
    if (
      msg.kind !== 'proposal' &&
      msg.kind !== 'prepareVote' &&
      msg.kind !== 'commitVote' &&
      msg.kind !== 'timeoutVote'
    )
      return;
    const { index, number } = msg.value.view;
    if (index > this.#road && index <= this.#road + AHEAD)
      this.#later.set(index, [...(this.#later.get(index) ?? []), wire]);
    if (index !== this.#road || this.#stopped) return;
    const view = this.#viewOf(index, number);
    const once = `${msg.kind} ${laneIdOf(signed.sig.key)}`;
    if (view.signed.has(once)) return;
    verifySignedMsg(signed, this.#seat.committee);
    if (msg.kind === 'timeoutVote') {
      if (wire.kind !== 'timeout') return;
      const prepareQC = this.#timeoutQC(wire.timeout, msg.value.latestPrepareQCViewNumber, index);
      view.timeouts.set(laneIdOf(signed.sig.key), { timeout: wire.timeout, prepareQC });
    } else if (msg.kind === 'proposal') {
      if (wire.kind !== 'proposal' || laneIdOf(signed.sig.key) !== this.#leader(index, number)) return;
      if (!this.#isSound(msg.value, wire)) return;
      view.proposal = { msg, sig: signed.sig };
      if (number > this.#view) for (const timeout of wire.timeouts) this.receive({ kind: 'timeout', timeout });
    } else this.#count(msg.kind === 'prepareVote' ? view.prepares : view.commits, view, msg.value, signed.sig);
    view.signed.add(once);
    this.#advance();
  }

  #enter(qc: CommitQC | undefined): void {
    this.#previous = qc;
    this.#road = qc === undefined ? 0n : qc.vote.view.index + 1n;
    for (const road of this.#roads.keys()) if (road < this.#road) this.#roads.delete(road);
    if (this.#mine.road === this.#road) {
      // The node voted in this road before a restart: it sends the same votes again.
      for (const vote of [this.#mine.prepare, this.#mine.commit]) this.#sendVote(vote);
      if (this.#mine.timeout !== undefined) this.#sendTimeout(this.#mine.timeout, this.#mine.prepareQC);
      this.#enterView(this.#mine.view);
    } else {
      this.#mine = { road: this.#road, view: 0n };
      this.#enterView(0n);
    }
    const later = this.#later.get(this.#road) ?? [];
    for (const road of this.#later.keys()) if (road <= this.#road) this.#later.delete(road);
    for (const wire of later) this.receive(wire);
  }

  #enterView(number: bigint): void {
    this.#view = number;
    this.#proposing?.abort();
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const wait = VIEW_MS * Math.min(2, Number(number) + 1);
    this.#timer = setInterval(() => this.#giveUp(), wait);
    if (this.#leader(this.#road, number) === laneIdOf(this.#key)) void this.#propose().catch(() => undefined);
    this.#advance();
  }

  get #key(): Uint8Array {
    return this.#seat.committee.keys[this.#seat.place] as Uint8Array;
  }

  #leader(road: bigint, view: bigint): string {
    const { keys } = this.#seat.committee;
    return laneIdOf(keys[Number((road + view) % BigInt(keys.length))] as Uint8Array);
  }

  #viewOf(road: bigint, number: bigint): View {
    const views = this.#roads.get(road) ?? new Map<bigint, View>();
    this.#roads.set(road, views);
    const view: View = views.get(number) ?? {
      prepares: new Map(),
      commits: new Map(),
      votes: new Map(),
      timeouts: new Map(),
      signed: new Set(),
    };
    views.set(number, view);
    return view;
  }

  #count(to: Map<string, Signature[]>, view: View, vote: Proposal, sig: Signature): void {
    const hash = proposalHash(vote);
    to.set(hash, [...(to.get(hash) ?? []), sig]);
    view.votes.set(hash, vote);
  }

  /** Proposes as the leader. A later view must propose what an earlier view may have committed. */
  async #propose(): Promise<void> {
    const abort = new AbortController();
    this.#proposing = abort;
    const [road, number] = [this.#road, this.#view];
    const mine = this.#viewOf(road, number);
    if (
      mine.proposal !== undefined ||
      (this.#mine.road === road && this.#mine.prepare !== undefined && this.#mine.view === number)
    )
      return;
    const timeouts = number === 0n ? [] : [...this.#viewOf(road, number - 1n).timeouts.values()];
    const locked = highest(timeouts.map(({ prepareQC }) => prepareQC));
    let vote: Proposal;
    let laneQCs: LaneQC[] = [];
    if (locked !== undefined) vote = { ...locked.vote, view: { index: road, number } };
    else {
      const found = await this.#seat.state.waitForLaneQCs(this.#previous, abort.signal);
      laneQCs = [...found.values()];
      vote = { view: { index: road, number }, createdAt: now(), laneRanges: this.#ranges(found) };
    }
    if (abort.signal.aborted) return;
    // The vote for the proposal is stored before the proposal is sent.
    this.#step(async () => {
      const given = await this.#prepare(road, number, vote, [{ kind: 'proposal', value: vote }]);
      const signed = given?.[0];
      if (signed === undefined) return;
      mine.proposal = signed as View['proposal'] & object;
      this.#seat.send({
        kind: 'proposal',
        bytes: codecs.signedMsg.toWire(signed),
        laneQCs: laneQCs.map((qc) => codecs.laneQC.toWire(qc)),
        timeouts: timeouts.map(({ timeout }) => timeout),
      });
      this.#sendVote(this.#mine.prepare);
    });
  }

  #ranges(found: ReadonlyMap<string, LaneQC>): LaneRange[] {
    return this.#seat.committee.keys.map((lane) => {
      const first = this.#nextOf(lane);
      const top = found.get(laneIdOf(lane))?.vote;
      return {
        lane,
        first,
        next: top === undefined ? first : top.blockNumber + 1n,
        lastHash: top === undefined ? new Uint8Array(HASH_BYTES) : headerHash(top),
      };
    });
  }

  #nextOf(lane: Uint8Array): bigint {
    return this.#previous?.vote.laneRanges.find((range) => Buffer.compare(range.lane, lane) === 0)?.next ?? 0n;
  }

  /**
   * True if the proposal follows the last CommitQC, and LaneQCs or timeouts of the previous view
   * justify it.
   */
  #isSound(vote: Proposal, { laneQCs, timeouts }: Wire & { kind: 'proposal' }): boolean {
    const { committee } = this.#seat;
    const { index, number } = vote.view;
    const follows =
      vote.laneRanges.length === committee.size &&
      vote.laneRanges.every(
        (range) => range.first === this.#nextOf(range.lane) && range.next - range.first <= RANGE_MAX,
      );
    if (!follows) return false;
    if (number > 0n) {
      const carried = timeouts.map((timeout) => ({ timeout, signed: codecs.signedMsg.fromWire(timeout.bytes) }));
      const signers = new Set(carried.map(({ signed }) => laneIdOf(signed.sig.key)));
      if (signers.size < committee.quorum) return false;
      const qcs: (PrepareQC | undefined)[] = [];
      for (const { timeout, signed } of carried) {
        const { msg } = signed;
        if (msg.kind !== 'timeoutVote' || msg.value.view.index !== index || msg.value.view.number !== number - 1n)
          return false;
        verifySignedMsg(signed, committee);
        qcs.push(this.#timeoutQC(timeout, msg.value.latestPrepareQCViewNumber, index));
      }
      const locked = highest(qcs);
      if (locked !== undefined) return proposalHash({ ...locked.vote, view: vote.view }) === proposalHash(vote);
    }
    const tops = new Map(
      laneQCs.map((bytes) => codecs.laneQC.fromWire(bytes)).map((qc) => [laneIdOf(qc.vote.lane), qc]),
    );
    for (const qc of tops.values()) verifyLaneQC(qc, committee);
    return vote.laneRanges.every(({ lane, first, next, lastHash }) => {
      const top = tops.get(laneIdOf(lane))?.vote;
      return first === next || (top?.blockNumber === next - 1n && Buffer.compare(headerHash(top), lastHash) === 0);
    });
  }

  /** The PrepareQC that a timeout vote names. @throws if it is not valid. */
  #timeoutQC({ prepareQC }: Timeout, number: bigint | undefined, road: bigint): PrepareQC | undefined {
    if (number === undefined) return undefined;
    const qc = codecs.prepareQC.fromWire(prepareQC ?? new Uint8Array());
    verifyPrepareQC(qc, this.#seat.committee);
    if (qc.vote.view.index !== road || qc.vote.view.number !== number)
      throw new RangeError('a timeout names another PrepareQC');
    return qc;
  }

  /** Runs steps one at a time, because a message depends on the votes that are already stored. */
  #step(step: () => Promise<void>): void {
    this.#chain = this.#chain.then(step).catch((error) => {
      if (!this.#stopped) this.#seat.fail(error);
    });
  }

  /**
   * Runs `work` after all earlier steps, so that the road does not change while a step stores a
   * vote.
   */
  #inTurn(work: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#step(async () => {
        work();
        resolve();
      });
    });
  }

  #advance(): void {
    this.#step(async () => {
      if (this.#stopped) return;
      const [road, number] = [this.#road, this.#view];
      const view = this.#viewOf(road, number);
      const { committee } = this.#seat;
      const { proposal } = view;
      if (proposal !== undefined && (await this.#prepare(road, number, proposal.msg.value as Proposal)) !== undefined)
        this.#sendVote(this.#mine.prepare);
      const prepared = quorumOf(view.prepares, committee.quorum);
      if (prepared !== undefined)
        await this.#commit(road, number, { vote: view.votes.get(prepared.hash)!, sigs: prepared.sigs });
      for (const past of this.#roads.get(road)?.values() ?? []) {
        const committed = quorumOf(past.commits, committee.quorum);
        if (committed === undefined) continue;
        await this.#seat.state.pushCommitQC({ vote: past.votes.get(committed.hash)!, sigs: committed.sigs });
        return;
      }
      const up = [...(this.#roads.get(road)?.entries() ?? [])].filter(
        ([at, { timeouts }]) => at >= number && timeouts.size >= committee.quorum,
      );
      const top = up.map(([at]) => at).sort((a, b) => (a < b ? 1 : -1))[0];
      if (top !== undefined && road === this.#road) this.#enterView(top + 1n);
    });
  }

  /**
   * Gives the prepare vote of a view, after `before`. Undefined if the vote was already given, or
   * is excluded.
   */
  async #prepare(
    road: bigint,
    number: bigint,
    vote: Proposal,
    before: readonly Msg[] = [],
  ): Promise<readonly SignedMsg[] | undefined> {
    const { road: at, view, prepare, timeout } = this.#mine;
    if (at !== road || road !== this.#road || number < view) return undefined;
    if (number === view && (prepare !== undefined || timeout !== undefined)) return undefined;
    const { timeout: _past, commit: _older, ...rest } = this.#mine;
    const given = await this.#give([...before, { kind: 'prepareVote', value: vote }], (signed) => ({
      ...rest,
      view: number,
      prepare: signed.at(-1) as SignedMsg,
    }));
    if (this.#seat.isWrong) await this.#voteAgain(vote);
    return given;
  }

  /** Tries a second, different vote in the same view. */
  async #voteAgain(vote: Proposal): Promise<void> {
    const second = { ...vote, createdAt: { ...vote.createdAt, seconds: vote.createdAt.seconds + 1n } };
    try {
      const given = await this.#seat.voter.round([{ kind: 'prepareVote', value: second }], () =>
        encodeVotes(this.#mine),
      );
      this.#sendVote(given?.[0]);
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_CONFLICT')) throw error;
      this.#seat.stopped();
    }
  }

  async #commit(road: bigint, number: bigint, prepareQC: PrepareQC): Promise<void> {
    const { road: at, view, commit, timeout } = this.#mine;
    if (at !== road || road !== this.#road || number !== view || commit !== undefined || timeout !== undefined) return;
    const mine = this.#mine;
    const given = await this.#give([{ kind: 'commitVote', value: prepareQC.vote }], ([vote]) => ({
      ...mine,
      prepareQC,
      commit: vote as SignedMsg,
    }));
    this.#sendVote(given?.[0]);
    if (given !== undefined && this.#seat.isWrong) await this.#forgetLock(road, number);
  }

  /** Tries a timeout vote that does not name the PrepareQC that the node voted to commit. */
  async #forgetLock(road: bigint, number: bigint): Promise<void> {
    const view = { index: road, number };
    const given = await this.#seat.voter.round([{ kind: 'timeoutVote', value: { view } }], () =>
      encodeVotes(this.#mine),
    );
    if (given?.[0] === undefined) this.#seat.stopped();
    else this.#seat.send({ kind: 'timeout', timeout: timeoutOf(given[0], undefined) });
  }

  /** Called at each timeout of the view: votes to leave it once, and sends that vote each time. */
  #giveUp(): void {
    this.#step(async () => {
      const [road, number] = [this.#road, this.#view];
      if (this.#stopped || this.#mine.road !== road || this.#mine.view > number) return;
      if (this.#mine.view !== number || this.#mine.timeout === undefined) {
        const { prepareQC } = this.#mine;
        const latest = prepareQC === undefined ? {} : { latestPrepareQCViewNumber: prepareQC.vote.view.number };
        const { prepare: _prepare, commit: _commit, ...rest } = this.#mine;
        const kept = this.#mine.view === number ? this.#mine : rest;
        const vote: Msg = { kind: 'timeoutVote', value: { view: { index: road, number }, ...latest } };
        const given = await this.#give([vote], ([timeout]) => ({
          ...kept,
          view: number,
          timeout: timeout as SignedMsg,
        }));
        if (given === undefined) return;
      }
      this.#sendTimeout(this.#mine.timeout as SignedMsg, this.#mine.prepareQC);
      for (const wire of this.#whyThisView()) this.#seat.send(wire);
    });
  }

  #sendTimeout(signed: SignedMsg, prepareQC: PrepareQC | undefined): void {
    const timeout = timeoutOf(signed, prepareQC);
    this.#seat.send({ kind: 'timeout', timeout });
    this.receive({ kind: 'timeout', timeout });
  }

  #sendVote(vote: SignedMsg | undefined): void {
    if (vote === undefined) return;
    const wire = { kind: 'vote', bytes: codecs.signedMsg.toWire(vote) } as const;
    this.#seat.send(wire);
    this.receive(wire);
  }

  /** Gives votes: they are stored, with the node's resulting state, before they are sent. */
  async #give(
    msgs: readonly Msg[],
    next: (signed: readonly SignedMsg[]) => Votes,
  ): Promise<readonly SignedMsg[] | undefined> {
    let votes = this.#mine;
    const given = await this.#seat.voter.round(msgs, (signed) => {
      votes = next(signed);
      return encodeVotes(votes);
    });
    if (given !== undefined) this.#mine = votes;
    return given;
  }
}

function timeoutOf(signed: SignedMsg, prepareQC: PrepareQC | undefined): Timeout {
  const bytes = codecs.signedMsg.toWire(signed);
  return prepareQC === undefined ? { bytes } : { bytes, prepareQC: codecs.prepareQC.toWire(prepareQC) };
}

function highest(qcs: readonly (PrepareQC | undefined)[]): PrepareQC | undefined {
  let best: PrepareQC | undefined;
  for (const qc of qcs)
    if (qc !== undefined && (best === undefined || qc.vote.view.number > best.vote.view.number)) best = qc;
  return best;
}

function quorumOf(
  votes: ReadonlyMap<string, Signature[]>,
  quorum: number,
): { hash: string; sigs: Signature[] } | undefined {
  for (const [hash, sigs] of votes) if (sigs.length >= quorum) return { hash, sigs };
  return undefined;
}

function proposalHash(value: Proposal): string {
  return Buffer.from(messageHash({ kind: 'proposal', value })).toString('hex');
}

function now() {
  const ms = Date.now();
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

function encodeVotes({ road, view, prepare, commit, timeout, prepareQC }: Votes): Uint8Array {
  const msg = (signed: SignedMsg | undefined) =>
    signed === undefined ? undefined : Buffer.from(codecs.signedMsg.toWire(signed)).toString('base64');
  const qc = prepareQC === undefined ? undefined : Buffer.from(codecs.prepareQC.toWire(prepareQC)).toString('base64');
  return Buffer.from(
    JSON.stringify({
      road: `${road}`,
      view: `${view}`,
      prepare: msg(prepare),
      commit: msg(commit),
      timeout: msg(timeout),
      prepareQC: qc,
    }),
  );
}

function decodeVotes(bytes: Uint8Array | undefined): Votes {
  if (bytes === undefined) return { road: 0n, view: 0n };
  const { road, view, prepare, commit, timeout, prepareQC } = JSON.parse(Buffer.from(bytes).toString());
  const from = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
  return {
    road: BigInt(road),
    view: BigInt(view),
    ...(prepare === undefined ? {} : { prepare: codecs.signedMsg.fromWire(from(prepare)) }),
    ...(commit === undefined ? {} : { commit: codecs.signedMsg.fromWire(from(commit)) }),
    ...(timeout === undefined ? {} : { timeout: codecs.signedMsg.fromWire(from(timeout)) }),
    ...(prepareQC === undefined ? {} : { prepareQC: codecs.prepareQC.fromWire(from(prepareQC)) }),
  };
}
