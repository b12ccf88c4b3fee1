/**
 * The process of one validator: store, availability state, consensus, a hashing application,
 * messages to peers.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AvailState,
  autobahn,
  type BlockHeader,
  headerHash,
  isLanestoreError,
  type LaneId,
  laneIdOf,
  type NodeStore,
  openAvail,
  openLevel,
  openNoop,
  openWal,
} from '../../src/index.js';
import { codecs, globalRange, type SignedBlock, type SignedMsg } from '../../src/model/autobahn/index.js';
import { collectPrometheus } from '../../src/prometheus/index.js';
import { Consensus } from './consensus.js';
import { type Found, type FromNode, members, type Settings, type ToNode, type Wire } from './messages.js';
import { BareVoter, GuardedVoter, guardOf, isClosing, type Voter } from './voter.js';

/** Maximum number of own blocks that are not ordered yet. */
const UNORDERED_MAX = 2n;
/** Interval at which a node sends its status and asks a peer for missing entries. */
const STATUS_MS = 200;
/** If a peer stays in a road for this time, it has missed a message. */
const STUCK_MS = 700;
/**
 * Settings with which the queue and LevelDB's buffer fill quickly and an anchor needs several
 * batches of deletes.
 */
const TIGHT = { maxQueuedBytes: 256 * 1024, maxBatchDeletes: 2, level: { writeBufferBytes: 64 * 1024 } } as const;
/** Maximum number of entries of each kind in one answer. */
const ANSWER_MAX = 20n;

const place = Number(process.argv[2]);
const settings: Settings = JSON.parse(process.argv[3] ?? '{}');
const location = process.argv[4] ?? '';
const { secrets, committee } = members(settings.nodes);
const secret = secrets[place] as Uint8Array;
const lanes: readonly LaneId[] = committee.keys.map(laneIdOf);
const own = lanes[place] as LaneId;

function report(message: FromNode): void {
  process.send?.(message);
}

function send(wire: Wire, to: number | 'all' = 'all'): void {
  report({ kind: 'send', to, wire });
}

function openStore(): Promise<NodeStore> {
  switch (settings.backend) {
    case 'level':
      return openLevel(location, { model: autobahn, ...(settings.tight ? TIGHT : {}) });
    case 'wal':
      return openWal(location, { model: autobahn });
    case 'noop':
      return openNoop({ model: autobahn });
  }
}

/**
 * Serves the metrics. Called before the store is opened, so that the metrics of the open are
 * included.
 */
function serveMetrics(port: number): void {
  const { registry } = collectPrometheus();
  const server = createServer(async (_, response) => {
    response.setHeader('content-type', registry.contentType);
    response.end(await registry.metrics());
  });
  server.listen(port, '127.0.0.1', () => report({ kind: 'metrics', port: (server.address() as AddressInfo).port }));
}

/** A validator that runs until it is stopped or killed. */
class Node {
  readonly #store: NodeStore;
  readonly #state: AvailState;
  readonly #consensus: Consensus;
  readonly #voter: Voter;
  readonly #ending = new AbortController();
  /** This node's votes for blocks that are not ordered yet, kept to be sent again. */
  readonly #laneVotes = new Map<string, { readonly header: BlockHeader; readonly bytes: Uint8Array }>();
  readonly #appVotes = new Map<bigint, Uint8Array>();
  readonly #arrivedAt = new Map<string, number>();
  readonly #waiting = new Set<string>();
  /**
   * By lane: the number after the highest block that ever arrived, or that its validator voted for.
   */
  readonly #received = new Map<LaneId, bigint>();
  /** By peer: its current road, and the time at which it entered it. */
  readonly #askedAt = new Map<number, { readonly road: bigint; at: number }>();
  #durableMs: number[] = [];
  /** The number after the newest own block that may be sent. */
  #released: bigint;
  #stopped = false;

  constructor(store: NodeStore, state: AvailState, voter: Voter) {
    this.#store = store;
    this.#state = state;
    this.#voter = voter;
    // With sinks, the guard opens only after they hold the newest durable batch.
    this.#released = state.range(own).durable;
    this.#consensus = new Consensus({
      state,
      committee,
      voter,
      isWrong: settings.wrong === true,
      place,
      send,
      fail: (error) => this.#fail(error),
      stopped: () => report({ kind: 'stopped' }),
    });
  }

  /** What the store recovered, for the checker. */
  async found(): Promise<Found> {
    const found = lanes.map(async (lane) => {
      const { first, next } = this.#state.range(lane);
      const hashes: string[] = [];
      for (let number = first; number < next; number++) {
        const block = await this.#state.block(lane, number);
        if (block !== undefined) hashes.push(Buffer.from(headerHash(block.block.header)).toString('hex'));
      }
      return { first, hashes };
    });
    return { nextQC: this.#state.nextCommitQC, lanes: await Promise.all(found) };
  }

  run(): void {
    for (const part of [
      this.#consensus.run(),
      this.#vote(),
      this.#produce(),
      this.#announce(),
      this.#execute(),
      this.#sendStatus(),
    ])
      part.catch((error) => this.#fail(error));
    void this.#state.stopped.then((error) => this.#fail(error));
  }

  /** Handles a message of a peer. */
  receive(from: number, wire: Wire): void {
    this.#take(from, wire).catch((error) => this.#fail(error));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#consensus.stop();
    this.#voter.stop();
    this.#ending.abort();
    await this.#state.close();
    await this.#voter.close();
    await this.#store.close();
  }

  #fail(error: unknown): void {
    if (this.#stopped || this.#ending.signal.aborted) return;
    this.#consensus.stop();
    this.#ending.abort();
    report({ kind: 'failed', reason: reasonOf(error) });
  }

  async #take(from: number, wire: Wire): Promise<void> {
    switch (wire.kind) {
      case 'block': {
        const signed = codecs.signedBlock.fromWire(wire.bytes);
        const { lane, blockNumber } = signed.block.header;
        this.#heardOf(laneIdOf(lane), blockNumber);
        const key = `${laneIdOf(lane)}/${blockNumber}`;
        if (blockNumber > this.#state.nextBlock(laneIdOf(lane)) + ANSWER_MAX) return;
        await this.#alone(`block ${key}`, async () => {
          this.#arrivedAt.set(key, performance.now());
          if ((await this.#state.pushBlock(signed, this.#ending.signal)) !== 'added') this.#arrivedAt.delete(key);
        });
        return;
      }
      case 'commitQC': {
        const qc = codecs.commitQC.fromWire(wire.bytes);
        const { index } = qc.vote.view;
        if (index > this.#state.nextCommitQC + ANSWER_MAX) return;
        await this.#alone(`qc ${index}`, () => this.#state.pushCommitQC(qc, this.#ending.signal));
        return;
      }
      case 'anchor': {
        const { appQC, commitQC } = codecs.pruneAnchor.fromWire(wire.bytes);
        await this.#state.pushAppQC(appQC, commitQC);
        return;
      }
      case 'status':
        return this.#answer(from, wire);
      case 'ask':
        return this.#reached(from);
      case 'answer':
        return this.#voter.answered(committee.keys[from] as Uint8Array, wire.next, wire.own);
      case 'proposal':
      case 'timeout':
        return this.#consensus.receive(wire);
      case 'vote': {
        const signed = codecs.signedMsg.fromWire(wire.bytes);
        if (signed.msg.kind === 'laneVote' && laneIdOf(signed.sig.key) === laneIdOf(signed.msg.value.lane))
          this.#heardOf(laneIdOf(signed.sig.key), signed.msg.value.blockNumber);
        if (signed.msg.kind === 'laneVote') await this.#takeVote(signed, 'laneVote');
        else if (signed.msg.kind === 'appVote') await this.#takeVote(signed, 'appVote');
        else this.#consensus.receive(wire);
      }
    }
  }

  #heardOf(lane: LaneId, number: bigint): void {
    if (number >= (this.#received.get(lane) ?? 0n)) this.#received.set(lane, number + 1n);
  }

  /**
   * Sends the progress of this node to a restored node. A node that was restored itself does not
   * answer.
   */
  #reached(to: number): void {
    if (this.#voter.closed.length > 0) return;
    const lane = lanes[to] as LaneId;
    const last = this.#state.lastCommitQC;
    const [held, received] = [this.#state.nextBlock(lane), this.#received.get(lane) ?? 0n];
    const next = last === undefined ? 0n : last.vote.view.index + 1n;
    send({ kind: 'answer', next, own: held > received ? held : received }, to);
  }

  async #takeVote(signed: SignedMsg, kind: 'laneVote' | 'appVote'): Promise<void> {
    const { msg } = signed;
    const number = msg.kind === 'laneVote' ? msg.value.blockNumber : msg.kind === 'appVote' ? msg.value.roadIndex : 0n;
    const where = msg.kind === 'laneVote' ? laneIdOf(msg.value.lane) : '';
    const { signal } = this.#ending;
    await this.#alone(`${kind} ${where} ${number} ${laneIdOf(signed.sig.key)}`, () =>
      kind === 'laneVote' ? this.#state.pushVote(signed, signal) : this.#state.pushAppVote(signed, signal),
    );
  }

  /**
   * Runs `work` unless work with the same key is running: peers send messages again after a
   * restart.
   */
  async #alone(key: string, work: () => Promise<unknown>): Promise<void> {
    if (this.#waiting.has(key)) return;
    this.#waiting.add(key);
    try {
      await work();
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error;
    } finally {
      this.#waiting.delete(key);
    }
  }

  /** Votes only for blocks that are durable here. */
  async #vote(): Promise<void> {
    const headers = this.#state.headers();
    for (;;) {
      for (const header of await headers.receiveBatch(this.#ending.signal)) {
        const key = `${laneIdOf(header.lane)}/${header.blockNumber}`;
        const came = this.#arrivedAt.get(key);
        if (came !== undefined) this.#durableMs.push(performance.now() - came);
        this.#arrivedAt.delete(key);
        const signed = await this.#voter.laneVote(header);
        if (signed === undefined) continue;
        const bytes = codecs.signedMsg.toWire(signed);
        this.#laneVotes.set(key, { header, bytes });
        await this.#takeVote(signed, 'laneVote');
        send({ kind: 'vote', bytes });
      }
    }
  }

  async #produce(): Promise<void> {
    for (;;) {
      const { next } = this.#state.range(own);
      if (next - this.#ordered(own) < UNORDERED_MAX && this.#mayProduce(next)) {
        await this.#state.waitForCapacity(own, this.#ending.signal);
        this.#arrivedAt.set(`${own}/${this.#state.nextBlock(own)}`, performance.now());
        const produced = this.#state.produceBlock(this.#payload(), this.#ending.signal);
        await produced.then(
          (signed) => this.#sendOwn(signed),
          (error: unknown) => {
            // Without a quorum of sinks the block is stored but not sent; `announce` sends it
            // later.
            if (!isLanestoreError(error, 'LANESTORE_IO') && !isClosing(error)) throw error;
          },
        );
      }
      await this.#pause(settings.paceMs);
    }
  }

  /** Blocks up to the floor were signed in a state that was lost. Other nodes have them. */
  #mayProduce(next: bigint): boolean {
    const floor = this.#voter.floorOf(own);
    return !this.#voter.closed.includes('own') && (floor === undefined || next > floor);
  }

  #payload() {
    const ms = Date.now();
    const createdAt = { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
    return {
      createdAt,
      totalGas: 21_000n,
      edgeCount: 0n,
      basefee: 1n,
      txs: [new Uint8Array(randomBytes(settings.payloadBytes))],
    };
  }

  /** Sends own blocks that `produce` did not send: stored before a restart, or without a quorum. */
  async #announce(): Promise<void> {
    const blocks = this.#state.blocks(own);
    for (;;) {
      const signed = await blocks.receive(this.#ending.signal);
      if (signed.block.header.blockNumber < this.#released) continue;
      if (await this.#voter.witnessed()) this.#sendOwn(signed);
    }
  }

  #sendOwn(signed: SignedBlock): void {
    const { blockNumber } = signed.block.header;
    if (blockNumber < this.#released) return;
    this.#released = blockNumber + 1n;
    send({ kind: 'block', bytes: codecs.signedBlock.toWire(signed) });
  }

  /** The application. Its state after a road is a hash of the headers that the road orders. */
  async #execute(): Promise<void> {
    for (let road = this.#state.firstCommitQC; ; ) {
      const full = await this.#state.fullCommitQC(road, this.#ending.signal);
      if (full === undefined) {
        road = this.#state.firstCommitQC > road ? this.#state.firstCommitQC : road + 1n;
        continue;
      }
      const { next } = globalRange(full.qc.vote);
      const hash = createHash('sha256');
      for (const header of full.headers) hash.update(headerHash(header));
      const value = { globalNumber: next - 1n, roadIndex: road, appHash: new Uint8Array(hash.digest()) };
      // After a restart, sends votes from the last vote on. Peers may lack earlier votes; an AppQC
      // of a later road replaces them.
      const [signed] = (await this.#voter.round([{ kind: 'appVote', value }])) ?? [];
      road++;
      if (signed === undefined) continue;
      const bytes = codecs.signedMsg.toWire(signed);
      this.#appVotes.set(value.roadIndex, bytes);
      await this.#takeVote(signed, 'appVote');
      send({ kind: 'vote', bytes });
    }
  }

  /**
   * Sends the status to a random peer, which answers with missing entries, and reports progress to
   * the devnet.
   */
  async #sendStatus(): Promise<void> {
    for (;;) {
      await this.#pause(STATUS_MS);
      const state = this.#state;
      report({ kind: 'closed', parts: this.#voter.closed, ownFloor: this.#voter.floorOf(own) });
      if (this.#voter.closed.length > 0) send({ kind: 'ask' });
      const anchor = state.durableAnchor === undefined ? -1n : state.durableAnchor.commitQC.vote.view.index;
      const blocks = lanes.map((lane) => state.nextBlock(lane));
      const road = state.nextCommitQC;
      const peer = (place + 1 + Math.floor(Math.random() * (settings.nodes - 1))) % settings.nodes;
      send({ kind: 'status', road, anchor, lanes: blocks }, peer);
      const { badParents, equivocations } = state.dropped;
      report({
        kind: 'height',
        height: { road, anchor, blocks, dropped: badParents + equivocations },
        durableMs: this.#durableMs.splice(0),
      });
      this.#forget(anchor);
    }
  }

  #forget(anchor: bigint): void {
    for (const road of this.#appVotes.keys()) if (road < anchor) this.#appVotes.delete(road);
    for (const [key, { header }] of this.#laneVotes)
      if (header.blockNumber < this.#state.range(laneIdOf(header.lane)).first) this.#laneVotes.delete(key);
  }

  async #answer(to: number, { road, anchor, lanes: has }: Wire & { kind: 'status' }): Promise<void> {
    const state = this.#state;
    const { durableAnchor } = state;
    if (durableAnchor !== undefined && road < durableAnchor.commitQC.vote.view.index)
      send({ kind: 'anchor', bytes: codecs.pruneAnchor.toWire(durableAnchor) }, to);
    const nextRoad = state.lastCommitQC === undefined ? 0n : state.lastCommitQC.vote.view.index + 1n;
    for (let index = road; index < nextRoad && index < road + ANSWER_MAX; index++) {
      const qc = await state.commitQC(index);
      if (qc !== undefined) send({ kind: 'commitQC', bytes: codecs.commitQC.toWire(qc) }, to);
    }
    for (const [i, lane] of lanes.entries()) {
      const { first, durable } = state.range(lane);
      const end = lane === own && this.#released < durable ? this.#released : durable;
      const from = (has[i] ?? 0n) > first ? (has[i] ?? 0n) : first;
      for (let number = from; number < end && number < from + ANSWER_MAX; number++) {
        const block = await state.block(lane, number);
        if (block !== undefined) send({ kind: 'block', bytes: codecs.signedBlock.toWire(block) }, to);
      }
    }
    // Votes are sent again only to a peer without recent progress.
    const asked = this.#askedAt.get(to);
    if (asked?.road !== road) this.#askedAt.set(to, { road, at: performance.now() });
    if (asked?.road !== road || performance.now() - asked.at < STUCK_MS) return;
    asked.at = performance.now();
    for (const { header, bytes } of this.#laneVotes.values())
      if (header.blockNumber >= this.#ordered(laneIdOf(header.lane))) send({ kind: 'vote', bytes }, to);
    for (const [index, bytes] of this.#appVotes) if (index > anchor) send({ kind: 'vote', bytes }, to);
    for (const wire of this.#consensus.repeat()) send(wire, to);
  }

  /** The number up to which CommitQCs order a lane, exclusive. */
  #ordered(lane: LaneId): bigint {
    return this.#state.lastCommitQC?.vote.laneRanges.find((range) => laneIdOf(range.lane) === lane)?.next ?? 0n;
  }

  /** `sleep` removes its abort listener when it ends, so that listeners do not accumulate. */
  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#ending.signal });
  }
}

/** The node, while its store is open. */
let node: Node | undefined;

/**
 * Closes the current store, if any, opens it again and runs the node; on failure sends `failed`.
 */
async function start(): Promise<void> {
  await node?.stop();
  node = undefined;
  let store: NodeStore | undefined;
  try {
    store = await openStore();
    const guard = await guardOf(store, secret, settings);
    const state = await openAvail({ store, committee, ...(guard === undefined ? { secret } : { guard }) });
    const next = new Node(
      store,
      state,
      guard === undefined ? new BareVoter(state, secret) : new GuardedVoter(guard, store),
    );
    report({ kind: 'found', found: await next.found() });
    node = next;
  } catch (error) {
    await store?.close();
    if (settings.sinks !== undefined && isLanestoreError(error, 'LANESTORE_IO')) {
      // No quorum of sinks answers: starts again, like a service manager would.
      await sleep(STATUS_MS);
      return start();
    }
    report({ kind: 'failed', reason: reasonOf(error) });
    return;
  }
  report({ kind: 'ready' });
  node.run();
}

/** The reason for the operator: code, message and findings of a store's error, else the stack. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!isLanestoreError(error)) return `${error.stack}`;
  const findings = JSON.stringify(error.findings ?? [], (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  return `${error.code}: ${error.message} ${findings}`;
}

async function stop(): Promise<void> {
  await node?.stop();
  process.exit(0);
}

process.on('disconnect', () => process.exit());
process.on('message', (message: ToNode) => {
  if (message.kind === 'wire') node?.receive(message.from, message.wire);
  else if (message.kind === 'again') void start();
  else void stop();
});
if (settings.metricsPort !== undefined) serveMetrics(settings.metricsPort);
await start();
