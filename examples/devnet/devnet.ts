/**
 * A run of the devnet: starts nodes and checker, forwards messages, kills and restarts nodes, and
 * returns the result.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onSignal } from '../../src/cli/signals.js';
import { autobahn, openAvail, openLevel, openWal } from '../../src/index.js';
import { codecs } from '../../src/model/autobahn/index.js';
import {
  CLONE,
  type Found,
  type FromChecker,
  type FromNode,
  type Height,
  members,
  type Settings,
  type SinkMode,
  type ToChecker,
  type ToNode,
  type Wire,
} from './messages.js';
import { Operator } from './operator.js';
import {
  type Clone,
  playRestore,
  type RestoreCounts,
  type Restored,
  type ScenarioName,
  scenariosFor,
  type Verdict,
} from './restore.js';
import { type SinkFailure, Sinks } from './sinks.js';
import { type Patient, playTrouble, type Stage } from './trouble.js';
import { View } from './view.js';

/** Settings of a run. */
export interface Run extends Omit<Settings, 'sinks'> {
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
  /** Number of scenarios of restore.ts to run. */
  readonly restores?: number;
  /** The scenarios; default: all that the sinks allow. */
  readonly scenarios?: readonly ScenarioName[];
  /** Nodes have witness sinks (sinks.ts), in this mode. */
  readonly sinks?: SinkMode;
  /** Called at each stage of the trouble, with the metrics port of node 0. */
  readonly onStage?: (stage: Stage, port: number | undefined) => Promise<void>;
}

/** The result of a run. */
export interface Summary {
  readonly rounds: number;
  readonly kills: number;
  /** By scenario, the number of runs after which the node signed again, including its own lane. */
  readonly restores: ReadonlyMap<ScenarioName, number>;
  readonly counts: RestoreCounts;
  /** Commands of the operator that were killed. */
  readonly commandKills: number;
  readonly sinkFailures: Readonly<Record<SinkFailure, number>> | undefined;
  /** Own lanes that cannot continue, because the last block that the sinks hold was never sent. */
  readonly endedLanes: number;
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

/**
 * Matches the reason of a node whose store lacks batches that its sinks hold, is fenced, or is new
 * although its key has signed.
 */
const REFUSED = /^LANESTORE_(ROLLED_BACK|FENCED|INVALID: openGuard: firstUse)/;
/** A restored node gets no messages for this time. */
const CUT_OFF_MS = 1500;
/** Rounds before the first failure of a sink. */
const ROUNDS_TO_FAIL = 5n;
/** Messages without a signature. */
const ASIDE: ReadonlySet<Wire['kind']> = new Set(['status', 'ask', 'answer']);
const KILL_RETRY_MS = 50;
const LOOK_MS = 100;
/** A killed node restarts within this time. */
const RESTART_MS_MAX = 400;

interface Seat extends Life {
  kills: number;
  /** True after the first signed message of the node: its key is no longer new. */
  hasSigned: boolean;
  /**
   * The kinds of messages signed since the set was cleared: `block` is a new block of its own lane,
   * `vote` a vote of consensus.
   */
  readonly signed: Set<'block' | 'vote'>;
  /** The location of its store. */
  location: string;
  /** A second process with the key of the node. */
  readonly clone: Life;
  /** No block of its lane is signed at or below this number. */
  ownFloor: bigint | undefined;
  /** True if the last block of its lane was never sent: the lane cannot continue. */
  hasEnded: boolean;
  /** Snapshots that are not used yet. */
  readonly backups: string[];
  /** The node gets no messages before this time. */
  cutOffUntil: number;
  /** The number after its newest own block. */
  ownNext: bigint;
  height: Height | undefined;
  restarted: { readonly at: number; readonly target: bigint } | undefined;
}

/** The state of a process since its start. */
interface Life {
  process: ChildProcess | undefined;
  verdict: Verdict | undefined;
  isSigning: boolean;
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
  readonly #restores = new Map<ScenarioName, number>();
  readonly #counts: RestoreCounts = { refusals: 0, unrefused: 0, releases: 0, handovers: 0 };
  readonly #operator = new Operator();
  readonly #sinks: Sinks | undefined;
  #passes: ((to: number, wire: Wire) => boolean) | undefined;
  readonly #watchers = new Set<(from: number, wire: Wire) => void>();
  /** The node that is being restored. No other node is killed until this ends. */
  #restoring: number | undefined;
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
    this.#sinks = run.sinks === undefined ? undefined : new Sinks(join(run.dir, 'sinks'), run.nodes);
    this.#seats = Array.from({ length: run.nodes }, (_, place) => ({
      process: undefined,
      kills: 0,
      hasSigned: false,
      signed: new Set(),
      location: join(run.dir, `node-${place}`, run.backend),
      verdict: undefined,
      isSigning: false,
      clone: { process: undefined, verdict: undefined, isSigning: false },
      ownFloor: undefined,
      hasEnded: false,
      backups: [],
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
    await this.#sinks?.start();
    if (this.#sinks !== undefined) void this.#failSinks(this.#sinks);
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
    const { unrefused } = this.#counts;
    if (unrefused > 0) this.#failures.push(`${unrefused} stores opened without the right to sign`);
    if (violations.length === 0 && this.#failures.length === 0) await this.#verifyStores();
    return {
      rounds: Number(this.#rounds),
      kills: this.#kills,
      restores: this.#restores,
      counts: this.#counts,
      commandKills: this.#operator.kills,
      sinkFailures: this.#sinks?.failures,
      endedLanes: this.#seats.filter(({ hasEnded }) => hasEnded).length,
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
    for (const { process, clone } of this.#seats) for (const child of [process, clone.process]) child?.kill('SIGKILL');
    this.#sinks?.killNow();
    this.#checker.kill('SIGKILL');
  }

  get #rounds(): bigint {
    return this.#seats.reduce((top, { height }) => (height !== undefined && height.road > top ? height.road : top), 0n);
  }

  #start(place: number, isFirst = false): void {
    const seat = this.#seats[place] as Seat;
    const child = this.#fork(place, seat, seat.location, isFirst);
    child.on('message', (message: FromNode) => this.#receive(place, message));
    child.on('exit', (code, signal) => {
      if (seat.process !== child) return;
      seat.process = undefined;
      if (!this.#over) this.#failed(`node ${place} exited unexpectedly: ${signal ?? `code ${code}`}`);
    });
  }

  #fork(place: number, life: Life, location: string, isFirst = false): ChildProcess {
    const { nodes, backend, payloadBytes, paceMs, metricsPort, sinks } = this.#run;
    const settings: Settings = {
      nodes,
      backend,
      payloadBytes,
      paceMs,
      ...(place === 0 && metricsPort !== undefined ? { metricsPort } : {}),
      ...(place === 0 && this.#run.trouble ? { tight: true } : {}),
      ...(place === 0 && this.#run.wrongNode ? { wrong: true } : {}),
      ...(sinks === undefined ? {} : { sinks: { mode: sinks, places: this.#sinks?.placesOf(place) ?? [] } }),
      first: isFirst || this.#seats[place]?.hasSigned !== true,
    };
    mkdirSync(dirname(location), { recursive: true });
    const args = [String(place), JSON.stringify(settings), location];
    const child = fork(fileURLToPath(new URL('./node.js', import.meta.url)), args, { serialization: 'advanced' });
    Object.assign(life, { process: child, verdict: undefined, isSigning: false } satisfies Life);
    child.on('error', () => undefined);
    child.on('message', (message: FromNode) => noteVerdict(life, message));
    return child;
  }

  #receive(place: number, message: FromNode): void {
    const seat = this.#seats[place] as Seat;
    switch (message.kind) {
      case 'send':
        if (!ASIDE.has(message.wire.kind)) seat.hasSigned = true;
        if ((this.#run.restores ?? 0) > 0) this.#noteSigned(place, message.wire);
        for (const watch of this.#watchers) watch(place, message.wire);
        this.#forward(place, place, message);
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
        seat.ownFloor = message.ownFloor;
        return;
      case 'metrics':
        this.#metricsPort = message.port;
        return;
      case 'failed':
        if (place === 0 && this.#onFailure !== undefined) this.#onFailure(message.reason);
        else if (!this.#isRestored(place) || seat.verdict !== 'refused')
          this.#failed(`node ${place}: ${message.reason}`);
        return;
      default:
        return;
    }
  }

  /** Sends a message to the checker and its receivers; `signer`: the node, or {@link CLONE}. */
  #forward(place: number, signer: number, { to, wire }: FromNode & { kind: 'send' }): void {
    // Sent to the checker first, so that it has every message before a peer can react.
    if (!ASIDE.has(wire.kind)) this.#postToChecker({ kind: 'sent', from: signer, wire });
    for (const [peer, { process, clone, cutOffUntil }] of this.#seats.entries()) {
      if (peer === place || (to !== 'all' && to !== peer) || this.#passes?.(peer, wire) === false) continue;
      if (cutOffUntil < performance.now()) post(process, { kind: 'wire', from: place, wire });
      post(clone.process, { kind: 'wire', from: place, wire });
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
    // Waits for progress since the last kill. Otherwise kills on a slow machine would prevent all
    // progress.
    if (this.#restoring !== undefined || !this.#isWhole() || this.#rounds <= this.#killedAt) {
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

  #restart(place: number, isFirst = false): void {
    if (this.#over) return;
    this.#noteRestart(place);
    this.#start(place, isFirst);
  }

  #noteRestart(place: number): void {
    (this.#seats[place] as Seat).restarted = { at: performance.now(), target: this.#rounds };
  }

  /**
   * Makes sinks fail after all of them know all nodes, so that only the forgetful sink lacks a
   * record.
   */
  async #failSinks(sinks: Sinks): Promise<void> {
    try {
      await this.#until(() => this.#rounds >= ROUNDS_TO_FAIL && this.#isWhole());
      await sinks.fail();
    } catch (error) {
      this.#failed(`the sinks: ${error}`);
    }
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
    const { dir, restores = 0, sinks, scenarios = scenariosFor(sinks), killsMin } = this.#run;
    const keys = this.#keys.map((key) => `${Buffer.from(key).toString('hex')}\n`);
    writeFileSync(join(dir, 'validators.txt'), keys.join(''));
    let order: ScenarioName[] = [];
    for (let n = 0; n < restores && !this.#over; n++) {
      if (order.length === 0) order = [...scenarios].sort(() => Math.random() - 0.5);
      const name = order.pop() as ScenarioName;
      const place = Math.floor(Math.random() * this.#seats.length);
      try {
        await this.#until(() => this.#isWhole());
        this.#restoring = place;
        await playRestore(name, this.#restored(place));
        this.#restoring = undefined;
      } catch (error) {
        return this.#failed(`restore ${n + 1} in round ${this.#rounds}, ${name}, of node ${place}: ${error}`);
      }
      this.#restores.set(name, (this.#restores.get(name) ?? 0) + 1);
      this.#view.say(`restore ${n + 1} in round ${this.#rounds}: ${name}; node ${place} signs again`);
      await this.#until(() => this.#kills >= killsMin * ((n + 1) / restores)).catch(() => undefined);
    }
  }

  #restored(place: number): Restored {
    const seat = this.#seats[place] as Seat;
    const devnet = this;
    return {
      place,
      validators: this.#keys,
      committee: join(this.#run.dir, 'validators.txt'),
      operator: this.#operator,
      sinks: this.#sinks,
      mode: this.#run.sinks,
      counts: this.#counts,
      backups: seat.backups,
      get location() {
        return seat.location;
      },
      set location(location) {
        seat.location = location;
      },
      network: {
        get roads() {
          return devnet.#rounds;
        },
        filter: (passes) => {
          this.#passes = passes;
        },
      },
      roads: (count) => this.#patient(place).roads(count),
      progress: async (count) => {
        const target = this.#rounds + BigInt(count);
        await this.#until(() => this.#rounds >= target);
      },
      kill: () => this.#killNode(place),
      stop: async () => {
        const child = seat.process;
        seat.process = undefined;
        if (child === undefined) return;
        const exit = once(child, 'exit');
        post(child, { kind: 'stop' });
        await exit;
      },
      start: (how) => {
        if (how === 'cut off') seat.cutOffUntil = performance.now() + CUT_OFF_MS;
        this.#restart(place, how === 'first use');
      },
      lost: () => {
        this.#postToChecker({ kind: 'restored', from: place });
        seat.height = undefined;
      },
      clone: (location) => this.#startClone(place, location),
      verdict: () => this.#verdictOf(seat),
      sent: (wanted) =>
        new Promise((resolve) => {
          const watch = (from: number, wire: Wire) => {
            if (from !== place || !wanted(wire)) return;
            this.#watchers.delete(watch);
            resolve();
          };
          this.#watchers.add(watch);
        }),
      signs: async () => {
        seat.signed.clear();
        await this.#until(() => {
          // The last block that the node signed was never sent, so no node has it.
          seat.hasEnded ||= seat.ownFloor !== undefined && seat.ownFloor >= seat.ownNext;
          return seat.signed.has('vote') && (seat.hasEnded || seat.signed.has('block'));
        });
      },
    };
  }

  /** Starts a second process with the key of a node. */
  #startClone(place: number, location: string): Clone {
    const { clone } = this.#seats[place] as Seat;
    const child = this.#fork(place, clone, location);
    child.on('message', (message: FromNode) => {
      if (message.kind !== 'send') return;
      if ((this.#run.restores ?? 0) > 0) this.#noteSigned(place, message.wire);
      this.#forward(place, CLONE, message);
    });
    return {
      verdict: () => this.#verdictOf(clone),
      signs: () => this.#until(() => clone.isSigning),
      kill: async () => {
        clone.process = undefined;
        const exit = once(child, 'exit');
        child.kill('SIGKILL');
        await exit;
      },
    };
  }

  async #verdictOf(life: Life): Promise<Verdict> {
    await this.#until(() => life.verdict !== undefined);
    return life.verdict as Verdict;
  }

  #isRestored(place: number): boolean {
    return this.#restoring === place;
  }

  /** Records that a node signs: new blocks of its own lane, and its own votes. */
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
      location: seat.location,
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
    const restored = [...this.#restores.values()].reduce((sum, count) => sum + count, 0);
    if (restored < (this.#run.restores ?? 0)) return false;
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
    for (const [place, { location }] of this.#seats.entries()) {
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

/** The right to sign, as a message shows it. */
function noteVerdict(life: Life, message: FromNode): void {
  if (message.kind === 'closed') life.verdict = message.parts.length === 0 ? 'open' : 'closed';
  else if (message.kind === 'failed' && REFUSED.test(message.reason)) life.verdict = 'refused';
  else if (message.kind === 'send' && !ASIDE.has(message.wire.kind) && message.wire.kind !== 'commitQC')
    life.isSigning = true;
}

/** Sends a message; drops it if the node was killed. */
function post(child: ChildProcess | undefined, message: ToNode): void {
  if (child?.connected) child.send(message, () => undefined);
}
