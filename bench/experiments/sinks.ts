/**
 * What witness sinks cost a vote: guarded rounds of one vote and 600 bytes of inner state, without
 * sinks and with them, in turns within one run, so that all meet the same state of the disk. Each
 * case has a store, and sinks of its own on the same disk: directories, or processes of `lanestore
 * witness-server`. A turn begins when all sinks hold the batch of the turn before.
 *
 * `node .build/bench/experiments/sinks.js [TURNS] [DIRECTORY]`
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { autobahn, fileWitness, httpWitness, openGuard, openLevel, type WitnessSink } from '../../src/index.js';
import { makeNetwork } from '../../test/support/network.js';

const [turns = 1000, directory = tmpdir()] = [Number(process.argv[2] ?? 1000), process.argv[3] ?? tmpdir()];
const LANESTORE = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const TOKEN = 'a-token-of-the-benchmark';
const INNER_BYTES = 600;
const WARM_UP = 50;

type Kind = 'directory' | 'server';
interface Case {
  readonly name: string;
  readonly kind: Kind;
  readonly sinks: number;
  readonly mode: 'before' | 'after';
}

const CASES: readonly Case[] = [
  { name: 'without sinks', kind: 'directory', sinks: 0, mode: 'before' },
  { name: 'before, 1 directory', kind: 'directory', sinks: 1, mode: 'before' },
  { name: 'before, 2 of 3 directories', kind: 'directory', sinks: 3, mode: 'before' },
  { name: 'before, 1 server', kind: 'server', sinks: 1, mode: 'before' },
  { name: 'before, 2 of 3 servers', kind: 'server', sinks: 3, mode: 'before' },
  { name: 'after, 2 of 3 directories', kind: 'directory', sinks: 3, mode: 'after' },
  { name: 'after, 2 of 3 servers', kind: 'server', sinks: 3, mode: 'after' },
];

const net = makeNetwork({ validators: 4 });
const qc = net.commitQC();
const dir = mkdtempSync(join(directory, 'lanestore-sinks-'));
const servers: ChildProcess[] = [];

/** The URL of a new witness server. */
async function serve(place: string): Promise<string> {
  mkdirSync(place);
  const token = join(place, 'token');
  writeFileSync(token, TOKEN, { mode: 0o600 });
  const args = ['witness-server', join(place, 'held'), '--listen', '127.0.0.1:0', '--token-file', token];
  const child = spawn(process.execPath, [LANESTORE, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  servers.push(child);
  for await (const line of createInterface(child.stdout)) return line.replace('listening on ', '');
  throw new Error('a witness server ended at its start');
}

async function sinkAt(kind: Kind, place: string, name: string): Promise<WitnessSink> {
  if (kind === 'directory') return fileWitness(place, { name });
  return httpWitness({ name, url: await serve(place), token: TOKEN });
}

async function opened({ kind, sinks: count, mode }: Case, n: number) {
  const sinks = await Promise.all(
    Array.from({ length: count }, (_, i) => sinkAt(kind, join(dir, `sink-${n}-${i}`), `sink-${i}`)),
  );
  const store = await openLevel(join(dir, `store-${n}`), { model: autobahn });
  const witnessed = count === 0 ? {} : { sinks, mode, network: 'bench' };
  const guard = await openGuard({ store, model: autobahn, key: net.secret(0), firstUse: true, ...witnessed });
  const inner = new Uint8Array(INNER_BYTES);
  let view = 0n;
  return {
    samples: [] as number[],
    /** Milliseconds until the vote may be sent. */
    async turn(): Promise<number> {
      const value = { ...qc.vote, view: { index: 0n, number: view++ } };
      const begin = performance.now();
      await guard.round({ votes: [{ kind: 'prepareVote', value }], inner: () => inner });
      const ms = performance.now() - begin;
      while (guard.sinks.some(({ seq }) => seq !== store.seq)) await sleep(1);
      return ms;
    },
    async close() {
      await guard.close();
      await store.close();
    },
  };
}

const at = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
const ascending = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

try {
  const cases = await Promise.all(CASES.map(opened));
  for (let i = 0; i < turns + WARM_UP; i++) {
    // In another order each time: what comes after what must not matter.
    for (let j = 0; j < cases.length; j++) {
      const one = cases[(i + j) % cases.length]!;
      const ms = await one.turn();
      if (i >= WARM_UP) one.samples.push(ms);
    }
  }
  const base = cases[0]!.samples;
  process.stdout.write(
    '| sinks | p50, ms | p99, ms | median ratio to the same turn without sinks |\n|---|---|---|---|\n',
  );
  for (const [n, { samples }] of cases.entries()) {
    const sorted = ascending(samples);
    const ratio = at(ascending(samples.map((ms, i) => ms / base[i]!)), 0.5);
    const numbers = [at(sorted, 0.5), at(sorted, 0.99), ratio].map((number) => number.toFixed(2));
    process.stdout.write(`| ${CASES[n]!.name} | ${numbers.join(' | ')} |\n`);
  }
  for (const one of cases) await one.close();
} finally {
  for (const server of servers) server.kill();
  rmSync(dir, { recursive: true, force: true });
}
