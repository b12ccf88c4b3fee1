/**
 * A run of the devnet: starts nodes and checker, forwards messages, kills and restarts nodes, sums
 * up.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onSignal } from '../../src/cli/signals.js';
import { autobahn, openAvail, openLevel, openWal } from '../../src/index.js';
import { codecs } from '../../src/model/autobahn/index.js';
import {
  type Found,
  type FromChecker,
  type FromNode,
  type Height,
  members,
  type Settings,
  type ToChecker,
  type ToNode,
  type Wire,
} from './messages.js';
import { playRestore, type Restored } from './restore.js';
import { type Patient, playTrouble, type Stage } from './trouble.js';
import { View } from './view.js';

/** Settings of a run. */
export interface Run extends Settings {
  /** The directory of the stores. */
  readonly dir: string;
  /** The run ends when a node has this many CommitQCs. */
  readonly rounds: number;
  /** Average interval between kills of a random node; absent: no kills. */
  readonly killEveryMs?: number;
  /** The run does not end before this many kills. */
  readonly killsMin: number;
  /** The run fails after this time. */
  readonly timeoutMs: number;
  /**
   * Damages and repairs the store of node 0 (trouble.ts); the run does not end before the repair.
   */
  readonly trouble?: boolean;
  /** Node 0 votes twice in each view. */
  readonly wrongNode?: boolean;
  /** Number of times that the store of a node is replaced by an older copy (restore.ts). */
  readonly restores?: number;
  /** Called at each stage of the trouble, with the metrics port of node 0. */
  readonly onStage?: (stage: Stage, port: number | undefined) => Promise<void>;
}

/** The result of a run. */
export interface Summary {
  readonly rounds: number;
  readonly kills: number;
  /** Stores that were replaced by older copies, and whose nodes sign again, own lane included. */
  readonly restores: number;
  readonly seconds: number;
  readonly messages: number;
  readonly violations: readonly string[];
  /**
   * Failures that are not violations: a node that exited, a run without progress, a store that does
   * not verify.
   */
  readonly failures: readonly string[];
  /** Votes of node 0 that contradict an earlier one, and that its guard refused. */
  readonly stopped: number;
  /** Milliseconds from a block's arrival at a node until it is durable there, ascending. */
  readonly durableMs: readonly number[];
  /**
   * Milliseconds from a node's restart until it has the CommitQCs that the network had at the
   * restart, ascending.
   */
  readonly catchUpMs: readonly number[];
}

/** A restored node is cut off from all messages for this time. */
const CUT_OFF_MS = 2000;
/** Messages without a signature. */
const ASIDE: ReadonlySet<Wire['kind']> = new Set(['status', 'ask', 'answer']);
const KILL_RETRY_MS = 50;
const LOOK_MS = 100;
/** A killed node restarts within this time. */
const RESTART_MS_MAX = 400;

interface Seat {
  process: ChildProcess | undefined;
  kills: number;
  /** True after the node's first signed message: its key is not new. */
  hasSigned: boolean;
  /**
   * The kinds of messages signed since the set was cleared: a new block of its own lane, a vote of
   * consensus.
   */
  readonly signed: Set<'block' | 'vote'>;
  /** Parts in which it signs nothing, as it reported since its start. */
  closed: readonly string[] | undefined;
  /** No message reaches it before this time. */
  cutOffUntil: number;
  /** The number after its newest own block. */
  ownNext: bigint;
  height: Height | undefined;
  restarted: { readonly at: number; readonly target: bigint } | undefined;
}

/** Runs a devnet to its end. All its processes have been killed when the promise settles. */
export async function runDevnet(run: Run, view = new View()): Promise<Summary> {
  const devnet = new Devnet(run, view);
  const forget = onSignal(() => devnet.killAll());
  try {
    return await devnet.run();
  } finally {
    forget();
    devnet.killAll();
  }
}

class Devnet {
  readonly #run: Run;
  readonly #view: View;
  readonly #seats: Seat[];
  readonly #keys: readonly Uint8Array[];
  readonly #checker: ChildProcess;
  readonly #started = performance.now();
  readonly #durableMs: number[] = [];
  readonly #catchUpMs: number[] = [];
  readonly #violations: string[] = [];
  readonly #failures: string[] = [];
  #kills = 0;
  #restores = 0;
  /** True while a node is being restored: no other node is killed meanwhile. */
  #restoring = false;
  #stopped = 0;
  /** The number of rounds at the last kill. */
  #killedAt = -1n;
  #killer: NodeJS.Timeout | undefined;
  #ended!: () => void;
  #metricsPort: number | undefined;
  /** True until the store of node 0 is repaired. */
  #troubled: boolean;
  #onFailure: ((reason: string) => void) | undefined;
  #over = false;

  constructor(run: Run, view: View) {
    this.#run = run;
    this.#view = view;
    this.#keys = members(run.nodes).committee.keys;
    this.#troubled = run.trouble === true;
    this.#seats = Array.from({ length: run.nodes }, () => ({
      process: undefined,
      kills: 0,
      hasSigned: false,
      signed: new Set(),
      closed: undefined,
      cutOffUntil: 0,
      ownNext: 0n,
      height: undefined,
      restarted: undefined,
    }));
    this.#checker = fork(fileURLToPath(new URL('./checker.js', import.meta.url)), [String(run.nodes)], {
      serialization: 'advanced',
    });
    this.#checker.on('message', (message: FromChecker) => {
      if (message.kind === 'violation') this.#violated(message.what);
    });
  }

  async run(): Promise<Summary> {
    const end = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    for (const place of this.#seats.keys()) this.#start(place);
    const timeout = setTimeout(
      () => this.#failed(`round ${this.#rounds} after ${this.#run.timeoutMs} ms: no progress`),
      this.#run.timeoutMs,
    );
    const look = setInterval(() => this.#look(), LOOK_MS);
    if (this.#run.killEveryMs !== undefined) this.#killer = setTimeout(() => this.#kill(), this.#run.killEveryMs);
    if (this.#troubled) void this.#trouble();
    if ((this.#run.restores ?? 0) > 0) void this.#restoreNodes();
    await end;
    clearTimeout(timeout);
    clearInterval(look);
    clearTimeout(this.#killer);
    const seconds = (performance.now() - this.#started) / 1000;
    this.#over = true;
    await this.#stopNodes();
    const { messages, violations } = await this.#finish();
    if (violations.length === 0 && this.#failures.length === 0) await this.#verifyStores();
    return {
      rounds: Number(this.#rounds),
      kills: this.#kills,
      restores: this.#restores,
      seconds,
      messages,
      violations,
      failures: this.#failures,
      stopped: this.#stopped,
      durableMs: this.#durableMs.sort((a, b) => a - b),
      catchUpMs: this.#catchUpMs.sort((a, b) => a - b),
    };
  }

  killAll(): void {
    clearTimeout(this.#killer);
    for (const { process } of this.#seats) process?.kill('SIGKILL');
    this.#checker.kill('SIGKILL');
  }

  get #rounds(): bigint {
    return this.#seats.reduce((top, { height }) => (height !== undefined && height.road > top ? height.road : top), 0n);
  }

  #start(place: number): void {
    const seat = this.#seats[place] as Seat;
    const { dir, nodes, backend, payloadBytes, paceMs, metricsPort } = this.#run;
    const settings: Settings = {
      nodes,
      backend,
      payloadBytes,
      paceMs,
      ...(place === 0 && metricsPort !== undefined ? { metricsPort } : {}),
      ...(place === 0 && this.#run.trouble ? { tight: true } : {}),
      ...(place === 0 && this.#run.wrongNode ? { wrong: true } : {}),
      first: !seat.hasSigned,
    };
    const location = join(dir, `node-${place}`);
    mkdirSync(location, { recursive: true });
    const child = fork(
      fileURLToPath(new URL('./node.js', import.meta.url)),
      [String(place), JSON.stringify(settings), location],
      {
        serialization: 'advanced',
      },
    );
    seat.process = child;
    child.on('message', (message: FromNode) => this.#receive(place, message));
    child.on('error', () => undefined);
    child.on('exit', (code, signal) => {
      if (seat.process !== child) return;
      seat.process = undefined;
      if (!this.#over) this.#failed(`node ${place} exited unexpectedly: ${signal ?? `code ${code}`}`);
    });
  }

  #receive(place: number, message: FromNode): void {
    const seat = this.#seats[place] as Seat;
    switch (message.kind) {
      case 'send':
        if (!ASIDE.has(message.wire.kind)) seat.hasSigned = true;
        if ((this.#run.restores ?? 0) > 0) this.#noteSigned(place, message.wire);
        // Sent to the checker first, so that it has every message before a peer can react.
        if (!ASIDE.has(message.wire.kind)) this.#postToChecker({ kind: 'sent', from: place, wire: message.wire });
        for (const [to, { process, cutOffUntil }] of this.#seats.entries())
          if (to !== place && cutOffUntil < performance.now() && (message.to === 'all' || message.to === to))
            post(process, { kind: 'wire', from: place, wire: message.wire });
        return;
      case 'found':
        this.#postToChecker({ kind: 'found', from: place, found: message.found as Found });
        return;
      case 'height':
        seat.height = message.height;
        this.#durableMs.push(...message.durableMs);
        if (seat.restarted !== undefined && message.height.road >= seat.restarted.target) {
          this.#catchUpMs.push(performance.now() - seat.restarted.at);
          seat.restarted = undefined;
        }
        return;
      case 'stopped':
        this.#stopped++;
        return;
      case 'closed':
        seat.closed = message.parts;
        return;
      case 'metrics':
        this.#metricsPort = message.port;
        return;
      case 'failed':
        if (place === 0 && this.#onFailure !== undefined) this.#onFailure(message.reason);
        else this.#failed(`node ${place}: ${message.reason}`);
        return;
      default:
        return;
    }
  }

  #look(): void {
    const kills = this.#kills;
    this.#view.show({
      rows: this.#seats.map(({ process, kills: own, height }) => ({ up: process !== undefined, kills: own, height })),
      rounds: this.#rounds,
      kills,
      seconds: (performance.now() - this.#started) / 1000,
      violations: this.#violations.length,
    });
    if (this.#isDone() && this.#isWhole()) this.#ended();
  }

  /**
   * Kills a random node with SIGKILL and restarts it. One node at a time: a committee of four
   * tolerates one fault.
   */
  #kill(): void {
    const again = (ms: number) => {
      this.#killer = setTimeout(() => this.#kill(), ms);
    };
    // Wait for progress since the last kill: on a slow machine there would otherwise be none.
    if (this.#restoring || !this.#isWhole() || this.#rounds <= this.#killedAt) {
      again(KILL_RETRY_MS);
      return;
    }
    const place = Math.floor(Math.random() * this.#seats.length);
    void this.#killNode(place).then(() => {
      setTimeout(() => this.#restart(place), RESTART_MS_MAX * Math.random());
    });
    if (!this.#isDone()) again((this.#run.killEveryMs ?? 0) * (0.5 + Math.random()));
  }

  /** Resolves when the process has exited. */
  async #killNode(place: number): Promise<void> {
    const seat = this.#seats[place] as Seat;
    const child = seat.process;
    seat.process = undefined;
    seat.kills++;
    this.#kills++;
    this.#killedAt = this.#rounds;
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  #restart(place: number): void {
    if (this.#over) return;
    this.#noteRestart(place);
    this.#start(place);
  }

  #noteRestart(place: number): void {
    (this.#seats[place] as Seat).restarted = { at: performance.now(), target: this.#rounds };
  }

  async #trouble(): Promise<void> {
    const { onStage = async () => undefined } = this.#run;
    try {
      await playTrouble(
        this.#patient(0),
        (line) => this.#view.say(`node 0: ${line}`),
        (stage) => onStage(stage, this.#metricsPort),
      );
      this.#troubled = false;
    } catch (error) {
      this.#failed(`the store of node 0 was not repaired: ${error}`);
    }
  }

  /** Restores random nodes one at a time, between kills if there are any. */
  async #restoreNodes(): Promise<void> {
    try {
      for (let n = 0; n < (this.#run.restores ?? 0); n++) {
        const place = Math.floor(Math.random() * this.#seats.length);
        await this.#until(() => this.#isWhole());
        this.#restoring = true;
        await playRestore(this.#restored(place));
        this.#restoring = false;
        this.#restores++;
        this.#view.say(`node ${place}: restored from an older copy, released, and signs again`);
        await this.#until(() => this.#kills >= this.#run.killsMin * ((n + 1) / (this.#run.restores ?? 1)));
      }
    } catch (error) {
      this.#failed(`a restored store does not sign again: ${error}`);
    }
  }

  #restored(place: number): Restored {
    const seat = this.#seats[place] as Seat;
    const { location, roads } = this.#patient(place);
    return {
      location,
      roads,
      validators: this.#keys,
      killed: async (between) => {
        await this.#killNode(place);
        this.#postToChecker({ kind: 'restored', from: place });
        between();
        seat.closed = undefined;
        seat.cutOffUntil = performance.now() + CUT_OFF_MS;
        this.#restart(place);
      },
      closed: async () => {
        await this.#until(() => seat.closed !== undefined);
        return seat.closed ?? [];
      },
      stopped: async (between) => {
        const child = seat.process;
        seat.process = undefined;
        if (child !== undefined) {
          const exit = once(child, 'exit');
          post(child, { kind: 'stop' });
          await exit;
        }
        await between();
        this.#restart(place);
      },
      signs: async () => {
        seat.signed.clear();
        await this.#until(() => seat.signed.has('block') && seat.signed.has('vote'));
      },
      pause: () => this.#until(() => true).then(() => sleep(LOOK_MS)),
    };
  }

  /** Records the evidence that a node signs: new blocks of its own lane, and its own votes. */
  #noteSigned(place: number, wire: Wire): void {
    const seat = this.#seats[place] as Seat;
    const isOwn = (key: Uint8Array) => Buffer.compare(key, this.#keys[place] as Uint8Array) === 0;
    if (wire.kind === 'block') {
      const { sig, block } = codecs.signedBlock.fromWire(wire.bytes);
      const { blockNumber } = block.header;
      if (!isOwn(sig.key) || blockNumber < seat.ownNext) return;
      seat.ownNext = blockNumber + 1n;
      seat.signed.add('block');
    } else if (wire.kind === 'vote') {
      const { sig, msg } = codecs.signedMsg.fromWire(wire.bytes);
      if (isOwn(sig.key) && (msg.kind === 'prepareVote' || msg.kind === 'commitVote')) seat.signed.add('vote');
    }
  }

  #patient(place: number): Patient {
    const seat = this.#seats[place] as Seat;
    return {
      location: join(this.#run.dir, `node-${place}`, this.#run.backend),
      roads: async (count) => {
        const target = this.#rounds + BigInt(count);
        await this.#until(() => this.#isWhole() && this.#rounds >= target);
      },
      failure: () =>
        new Promise((resolve) => {
          this.#onFailure = (reason) => {
            this.#onFailure = undefined;
            resolve(reason);
          };
        }),
      again: async () => {
        this.#noteRestart(place);
        post(seat.process, { kind: 'again' });
        await this.#until(() => this.#isWhole());
      },
      killed: async (between) => {
        await this.#killNode(place);
        between();
        this.#restart(place);
      },
    };
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached()) {
      if (this.#over) throw new Error('the run is over');
      await sleep(LOOK_MS);
    }
  }

  /** True if every node is up and has caught up since its restart. */
  #isWhole(): boolean {
    return this.#seats.every(
      ({ process, height, restarted }) => process !== undefined && height !== undefined && restarted === undefined,
    );
  }

  #isDone(): boolean {
    if (this.#restores < (this.#run.restores ?? 0)) return false;
    return !this.#troubled && this.#rounds >= BigInt(this.#run.rounds) && this.#kills >= this.#run.killsMin;
  }

  async #stopNodes(): Promise<void> {
    await Promise.all(
      this.#seats.map(async (seat) => {
        const child = seat.process;
        if (child === undefined) return;
        const exit = once(child, 'exit');
        post(child, { kind: 'stop' });
        await exit;
      }),
    );
  }

  async #finish(): Promise<FromChecker & { kind: 'finished' }> {
    const finished = new Promise<FromChecker & { kind: 'finished' }>((resolve) => {
      this.#checker.on('message', (message: FromChecker) => {
        if (message.kind === 'finished') resolve(message);
      });
    });
    this.#postToChecker({ kind: 'finish' });
    const result = await finished;
    this.#checker.disconnect();
    return result;
  }

  /** Reopens every store and checks every hash and signature in it. */
  async #verifyStores(): Promise<void> {
    if (this.#run.backend === 'noop') return;
    const { committee } = members(this.#run.nodes);
    for (const place of this.#seats.keys()) {
      const location = join(this.#run.dir, `node-${place}`, this.#run.backend);
      try {
        const open = this.#run.backend === 'level' ? openLevel : openWal;
        const store = await open(location, { model: autobahn });
        try {
          const state = await openAvail({ store, committee, verifyLoaded: true });
          await state.close();
        } finally {
          await store.close();
        }
      } catch (error) {
        this.#failures.push(`the store of node ${place} does not verify: ${error}`);
      }
    }
  }

  #postToChecker(message: ToChecker): void {
    if (this.#checker.connected) this.#checker.send(message);
  }

  #violated(what: string): void {
    this.#violations.push(what);
    this.#ended();
  }

  #failed(what: string): void {
    if (this.#over) return;
    this.#failures.push(what);
    this.#ended();
  }
}

/** Sends a message; drops it if the node was killed. */
function post(child: ChildProcess | undefined, message: ToNode): void {
  if (child?.connected) child.send(message, () => undefined);
}
