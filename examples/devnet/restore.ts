/**
 * Scenarios in which the disk of a validator fails, or its operator acts, while the other nodes
 * run: the store is replaced by an older snapshot or copy, copied, created again, or moved. The
 * validator must sign nothing until it has the right to. Then it must sign again, including its own
 * lane. At first a restored node gets no messages, as if the network were down, so it has only its
 * store.
 */
import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { autobahn, isLanestoreError, openView, releaseStore, type VotePart } from '../../src/index.js';
import { codecs } from '../../src/model/autobahn/index.js';
import { NETWORK, type SinkMode, type Wire } from './messages.js';
import type { Operator } from './operator.js';
import { pick, type Sinks } from './sinks.js';

/** The result of a node's start: its store was refused, its votes are closed, or neither. */
export type Verdict = 'refused' | 'closed' | 'open';

/** The counters of all scenarios. */
export interface RestoreCounts {
  /** Starts of nodes whose store was refused, or closed, as it must be. */
  refusals: number;
  /** Starts that had to be refused or closed, and were not: the build is faulty. */
  unrefused: number;
  /** Closed stores that were opened by answers of peers, or by an import from sinks. */
  releases: number;
  /** Stores that were moved. */
  handovers: number;
}

/** A second process with the key of the node. */
export interface Clone {
  verdict(): Promise<Verdict>;
  /** Resolves when the clone has sent a signed message. */
  signs(): Promise<void>;
  kill(): Promise<void>;
}

/** The network of the node. */
export interface Network {
  /** The number of CommitQCs. */
  readonly roads: bigint;
  /** Forwards only messages that `passes` accepts; undefined: forwards all. */
  filter(passes: ((to: number, wire: Wire) => boolean) | undefined): void;
}

/** The node that is restored. */
export interface Restored {
  readonly place: number;
  /** The location of its store; a scenario may change it. */
  location: string;
  /** The public keys of all validators, and a file that lists them. */
  readonly validators: readonly Uint8Array[];
  readonly committee: string;
  readonly operator: Operator;
  readonly sinks: Sinks | undefined;
  readonly mode: SinkMode | undefined;
  readonly counts: RestoreCounts;
  /** Snapshots that are not used yet. */
  readonly backups: string[];
  readonly network: Network;
  /** Resolves when the network has `count` more CommitQCs, and every node has caught up. */
  roads(count: number): Promise<void>;
  /** Resolves when the network has `count` more CommitQCs. */
  progress(count: number): Promise<void>;
  /** Kills the node with SIGKILL. */
  kill(): Promise<void>;
  /** Stops the node, which closes its store. */
  stop(): Promise<void>;
  /** Starts a new process. */
  start(how?: 'cut off' | 'first use'): void;
  /** Tells the checker that the store is an older one: missing entries are no violation. */
  lost(): void;
  clone(location: string): Clone;
  /** The verdict on the last start. */
  verdict(): Promise<Verdict>;
  /** Resolves when the node has sent a message that `wanted` accepts. */
  sent(wanted: (wire: Wire) => boolean): Promise<void>;
  /** Resolves when the node has sent a new block of its own lane, and a vote of consensus. */
  signs(): Promise<void>;
}

const ROADS_BETWEEN = 4;
const PAUSE_MS = 200;
/** Milliseconds for which the scenario `cut off` disconnects the sinks. */
const AWAY_MS = 1500;
const AHEAD_MS_MAX = 15_000;
const TRIES_MAX = 100;
/** Snapshots that are kept for later. */
const BACKUPS_MAX = 2;
/** All parts must open, own blocks included. */
const ALL: readonly VotePart[] = ['rounds', 'app', 'lanes', 'own'];

type Scenario = (node: Restored) => Promise<void>;

const SCENARIOS = {
  /** The newest or an older snapshot replaces the store. */
  snapshot: async (node) => {
    const made = await snapshotOf(node);
    const older = node.backups.length > 0 && pick([true, false]) ? node.backups.shift() : undefined;
    await node.roads(ROADS_BETWEEN);
    await node.kill();
    replace(node, older ?? made);
    if (older !== undefined) node.backups.push(made);
    for (const extra of node.backups.splice(BACKUPS_MAX)) rmSync(extra, { recursive: true });
    node.start('cut off');
    if (await isRefused(node, node)) await release(node);
  },

  /** An older copy replaces the store, including the witness file. Only sinks detect it. */
  'set back': async (node) => {
    const copy = await copyOf(node);
    await goOn(node);
    await node.kill();
    replace(node, copy);
    node.start('cut off');
    if (await isRefused(node, node)) await release(node);
  },

  /** Like `set back`, but the node had no connection to any sink before. */
  'cut off': async (node) => {
    const copy = await copyOf(node);
    await goOn(node);
    await node.sinks?.calm(async () => {
      node.sinks?.cutOff(node.place);
      await sleep(AWAY_MS);
      await node.kill();
      node.sinks?.reach(node.place);
    });
    replace(node, copy);
    node.start('cut off');
    if (await isRefused(node, node)) await release(node);
  },

  /** A copy of the directory starts while the node runs. */
  'late copy': async (node) => {
    const copy = await copyOf(node);
    await goOn(node);
    await cloneIsRefused(node, copy);
    rmSync(copy, { recursive: true });
  },

  /** A copy of the directory starts before the original, so the original must not sign. */
  'early copy': async (node) => {
    const copy = await copyOf(node);
    const clone = node.clone(copy);
    await clone.signs();
    await node.progress(2);
    node.start();
    await isRefused(node, node);
    await Promise.all([node.kill(), clone.kill()]);
    replace(node, copy);
    node.start();
  },

  /** Copy and original start together: one fences the other, or each fences the other. */
  'two at once': async (node) => {
    const copy = await copyOf(node);
    const clone = node.clone(copy);
    node.start();
    await Promise.all([node.verdict(), clone.verdict()]);
    await node.progress(ROADS_BETWEEN);
    await Promise.all([node.kill(), clone.kill()]);
    if ((await closedParts(node.location)).length > 0) {
      node.counts.refusals++;
      replace(node, copy);
    } else rmSync(copy, { recursive: true });
    await release(node);
  },

  /** A copy made of hard links starts while the original exists and is stopped. */
  'linked copy': async (node) => {
    await node.kill();
    const copy = `${node.location}.linked`;
    linkTree(node.location, copy);
    await cloneIsRefused(node, copy);
    rmSync(copy, { recursive: true });
    node.start();
  },

  /**
   * A new store is imported from an older copy, and released by a wrong claim. Only sinks detect
   * it.
   */
  'wrong claim': async (node) => {
    const copy = await copyOf(node);
    await goOn(node);
    await node.kill();
    const made = `${node.location}.made`;
    await node.operator.done('import', copy, made);
    await node.operator.done('release', made, '--as-is', '--reason', 'a wrong claim', '--yes');
    rmSync(copy, { recursive: true });
    replace(node, made);
    node.start('cut off');
    if (await isRefused(node, node)) await release(node);
  },

  /** A new, empty store starts with the wrong claim that its key is new. Only sinks detect it. */
  'new store': async (node) => {
    await node.roads(ROADS_BETWEEN);
    await node.kill();
    const away = `${node.location}.away`;
    renameSync(node.location, away);
    node.lost();
    node.start('first use');
    await isRefused(node, node);
    await node.kill();
    replace(node, away);
    node.start();
  },

  /** A move to another directory, with kills of its commands. */
  handover: async (node) => {
    const old = node.location;
    const moved = `${old.replace(/\.moved-\d+$/, '')}.moved-${node.counts.handovers}-${node.place}`;
    await move(node, moved);
    node.counts.handovers++;
    await cloneIsRefused(node, old);
    rmSync(old, { recursive: true });
    node.location = moved;
    node.start();
  },

  /**
   * The node signs in a road that no other node has reached, as far ahead as the protocol allows,
   * and loses its disk. The others answer before they reach that road.
   */
  'far ahead': async (node) => {
    const { place, network } = node;
    const backup = await snapshotOf(node);
    await node.roads(ROADS_BETWEEN);
    if (!(await getAhead(node))) {
      node.backups.unshift(backup);
      return;
    }
    await node.kill();
    replace(node, backup);
    network.filter((to, { kind }) => ASIDE.has(kind) || (to === place && HISTORY.has(kind)));
    node.start();
    if ((await node.verdict()) === 'open') network.filter(undefined);
    if (await isRefused(node, node)) await releaseByPeers(node, ['rounds', 'lanes', 'own'], 'connected');
    // The node must run before its road begins.
    await node.verdict();
    network.filter(undefined);
    await node.progress(ROADS_BETWEEN);
    await releaseByPeers(node, ALL);
  },
} as const satisfies Record<string, Scenario>;

/** The name of a scenario. */
export type ScenarioName = keyof typeof SCENARIOS;

/** The scenarios with a certain outcome, without sinks or with sinks in a mode. */
export function scenariosFor(mode: SinkMode | undefined): readonly ScenarioName[] {
  if (mode === undefined) return ['snapshot', 'handover', 'linked copy', 'far ahead'];
  const copies: readonly ScenarioName[] = ['set back', 'late copy', 'early copy', 'wrong claim', 'new store'];
  const witnessed: readonly ScenarioName[] = ['snapshot', 'handover', ...copies];
  return mode === 'after' ? witnessed : [...witnessed, 'cut off', 'two at once'];
}

/** Runs a scenario. Resolves when the node signs again. */
export async function playRestore(name: ScenarioName, node: Restored): Promise<void> {
  await SCENARIOS[name](node);
  await node.signs();
}

const ASIDE: ReadonlySet<Wire['kind']> = new Set(['status', 'ask', 'answer']);
const HISTORY: ReadonlySet<Wire['kind']> = new Set(['commitQC', 'block', 'anchor']);

/** Counts the result of a start that must not lead to signatures. */
async function isRefused(node: Restored, started: Pick<Clone, 'verdict'>): Promise<boolean> {
  const isOpen = (await started.verdict()) === 'open';
  if (!isOpen) {
    node.counts.refusals++;
    return true;
  }
  // Only a faulty build signs here. The pause gives the checker time to find it.
  node.counts.unrefused++;
  await node.progress(ROADS_BETWEEN);
  return false;
}

async function cloneIsRefused(node: Restored, location: string): Promise<void> {
  const clone = node.clone(location);
  await isRefused(node, clone);
  await clone.kill();
}

/** A snapshot of the running node. The command is killed at random moments. */
async function snapshotOf({ location, operator }: Restored): Promise<string> {
  for (let n = 0; ; n++) {
    const target = `${location}.backup-${n}`;
    if (existsSync(target)) continue;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const args = ['snapshot', location, target];
      const ended = await pick([() => operator.killed(...args), () => operator.killedAfter(target, ...args)])();
      if (existsSync(target)) return target;
      if (ended !== undefined) throw new Error(`no snapshot: ${ended.stderr}`);
    }
    throw new Error('no snapshot: the command was killed each time');
  }
}

/** Kills the node, and copies its directory. */
async function copyOf(node: Restored): Promise<string> {
  await node.kill();
  const copy = `${node.location}.copy`;
  cpSync(node.location, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** Starts the node; resolves when it has signed, so that the copy is an older state. */
async function goOn(node: Restored): Promise<void> {
  node.start();
  await node.signs();
  await node.roads(ROADS_BETWEEN);
}

function replace(node: Restored, by: string): void {
  rmSync(node.location, { recursive: true });
  renameSync(by, node.location);
  node.lost();
}

function linkTree(from: string, to: string): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else linkSync(source, target);
  }
}

/** Opens the store of the node, as the operator of a lost machine does, and starts the node. */
async function release(node: Restored): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    await node.stop();
    if (node.sinks !== undefined) await importFromSinks(node, node.sinks);
    const isClosed = (await closedParts(node.location)).length > 0;
    node.start('cut off');
    if (isClosed) await releaseByPeers(node, ALL);
    else node.counts.releases++;
    // A sink that did not answer the import may hold a newer history.
    if ((await node.verdict()) !== 'refused') return;
    node.counts.refusals++;
  }
  throw new Error('the store is refused each time');
}

/** Repeats the import until a quorum of sinks has answered. */
async function importFromSinks({ location, place, operator, mode }: Restored, sinks: Sinks): Promise<void> {
  const args = ['votes', 'import', location, '--sinks', sinks.fileOf(place), '--network', NETWORK, '--yes'];
  await operator.killed(...args);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { status } = await operator.run(...args);
    // In mode `after` the import only raises watermarks and floors.
    if (status === 0 && (mode === 'after' || (await closedParts(location)).length === 0)) return;
    await sleep(PAUSE_MS);
  }
  throw new Error('the sinks do not open the store');
}

/** Waits until the answers are enough for `parts`, stops the node, releases, and starts it. */
async function releaseByPeers(node: Restored, parts: readonly VotePart[], how?: 'connected'): Promise<void> {
  const { location, committee, operator } = node;
  while (!(await isReady(node, parts))) await sleep(PAUSE_MS);
  await node.stop();
  const closed = (await closedParts(location)).filter((part) => parts.includes(part));
  const args = ['release', location, '--from-peers', '--committee', committee, '--open', closed.join(',')];
  await operator.killed(...args, '--reason', 'restored', '--yes');
  const left = (await closedParts(location)).filter((part) => parts.includes(part));
  if (left.length > 0) await operator.done(...args, '--reason', 'restored', '--yes');
  node.counts.releases++;
  node.start(how === 'connected' ? undefined : 'cut off');
}

/** True once the answers are enough for those of `parts` that are closed. */
async function isReady({ location, validators }: Restored, parts: readonly VotePart[]): Promise<boolean> {
  if (!existsSync(location)) return false;
  const open = (await closedParts(location)).filter((part) => parts.includes(part));
  try {
    const options = { model: autobahn, reason: 'restored', peers: { validators }, open, dryRun: true };
    await releaseStore(location, options);
    return true;
  } catch (error) {
    if (isLanestoreError(error, 'LANESTORE_INVALID')) return false;
    throw error;
  }
}

/** The closed parts of the votes of a store. */
async function closedParts(location: string): Promise<readonly VotePart[]> {
  await using view = await openView(location, { model: autobahn });
  return view.votes?.quarantine?.parts ?? [];
}

/** Hands the votes over to a new store. Each command may be killed, and is repeated. */
async function move(node: Restored, moved: string): Promise<void> {
  const { operator, location: old } = node;
  const common = ['--network', NETWORK, '--yes'];
  let isFirst = true;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    // A killed node, or a node that was stopped and closed its store.
    await (isFirst && pick([true, false]) ? node.kill() : node.stop());
    isFirst = false;
    rmSync(moved, { recursive: true, force: true });
    await operator.killed('import', old, moved);
    if (!existsSync(moved)) await operator.done('import', old, moved);
    const to = (await operator.done('handover', 'request', moved)).trim();
    const handover = (n: number) => ['handover', old, '--to', to, '--out', `${moved}.${tries}-${n}`, ...common];
    const ended = await operator.killed(...handover(0));
    if (ended === undefined && pick([true, false])) {
      // A reboot during the handover: the old store still signs, or has been handed over.
      node.start();
      if ((await node.verdict()) === 'open') {
        await node.signs();
        continue;
      }
      node.counts.refusals++;
      await node.stop();
    }
    await operator.done(...handover(1));
    const history = ['votes', 'import', moved, `${moved}.${tries}-1`, ...common];
    await operator.killed(...history);
    await operator.done(...history);
    if ((await closedParts(moved)).length > 0) throw new Error('the moved store is closed');
    return;
  }
  throw new Error('the move was cut short each time');
}

/**
 * Withholds CommitQC r from all other nodes until the node has signed in road r+1. False if it did
 * not sign there in time.
 */
async function getAhead(node: Restored): Promise<boolean> {
  const { place, network, validators } = node;
  let road = network.roads + 2n;
  while ((road + 1n) % BigInt(validators.length) !== BigInt(place)) road++;
  network.filter((to, wire) => {
    const [kind, index] = roadOf(wire);
    if (kind === 'commitQC' || kind === 'timeoutVote') return index < road;
    if (kind === 'commitVote') return index < road || (index === road && to === place);
    return kind === undefined || index <= road;
  });
  const isAhead = await Promise.race([
    node.sent((wire) => roadOf(wire).join() === `proposal,${road + 1n}`).then(() => true),
    sleep(AHEAD_MS_MAX, false),
  ]);
  if (!isAhead) network.filter(undefined);
  return isAhead;
}

/** The kind of a message of consensus, and its road. */
function roadOf(wire: Wire): readonly [kind: string | undefined, road: bigint] {
  if (wire.kind === 'commitQC') return ['commitQC', codecs.commitQC.fromWire(wire.bytes).vote.view.index];
  if (wire.kind !== 'vote' && wire.kind !== 'proposal' && wire.kind !== 'timeout') return [undefined, 0n];
  const { msg } = codecs.signedMsg.fromWire(wire.kind === 'timeout' ? wire.timeout.bytes : wire.bytes);
  return 'view' in msg.value ? [msg.kind, msg.value.view.index] : [undefined, 0n];
}
