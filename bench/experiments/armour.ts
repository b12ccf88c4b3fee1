/**
 * `node .build/bench/experiments/armour.js [rounds] [opens] [dir]`: the cost of the safety checks;
 * 0 omits a part. Variants take turns in one run.
 * 1. An open in a fresh process: the store, and a copy of the compiled store without preflight.
 * 2. A round: complete, without the witness, without the check of free disk space, without both.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openLevel } from '../../src/index.js';
import type { CommitQC, PruneAnchor, SignedBlock } from '../../src/model/autobahn/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import { NO_PREFLIGHT, NO_WITNESS, patchedBuild } from '../../test/faults/weakened.js';
import { makeNetwork } from '../../test/support/network.js';
import { positionals } from '../args.js';
import { scratchRoot } from '../disk.js';
import { payloadFor, RoundSource } from '../rounds.js';
import { digits, median, percentile } from '../stats.js';
import { describe, workloadOf } from '../workload.js';

const SEED = 1;
const WARM_UP_ROUNDS = 200;
const WORKLOADS = ['i', 'ii', 'iv'];
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Live data of the opened stores: many small blocks, and large blocks in LevelDB and in value
 * files.
 */
const SHAPES = [
  { name: '32 MiB, blocks of 1 KiB', blockBytes: KIB, liveBytes: 32 * MIB, values: false },
  { name: '64 MiB, blocks of 64 KiB in LevelDB', blockBytes: 64 * KIB, liveBytes: 64 * MIB, values: false },
  { name: '64 MiB, blocks of 64 KiB in value files', blockBytes: 64 * KIB, liveBytes: 64 * MIB, values: true },
] as const;

type Shape = (typeof SHAPES)[number];
type Open = typeof openLevel<SignedBlock, CommitQC, PruneAnchor>;

/** `openLevel` of a compiled tree; of this one if undefined. */
async function storeOf(build: string | undefined): Promise<Open> {
  if (build === undefined) return openLevel;
  const module = (await import(pathToFileURL(join(build, 'src', 'index.js')).href)) as { openLevel: Open };
  return module.openLevel;
}

const LANES = 8;
/** Size of the rounds that fill the store. */
const ROUND_BYTES = MIB;

async function build(dir: string, { blockBytes, liveBytes, values }: Shape): Promise<void> {
  const network = makeNetwork({ validators: LANES, signed: false });
  const payloadBytes = payloadFor(blockBytes);
  await using store = await openLevel(dir, { model: autobahn, values });
  let blocks = [];
  for (let n = 0; n < liveBytes / blockBytes; n++) {
    blocks.push(network.block(n % LANES, { payloadBytes }));
    if (blocks.length * blockBytes < ROUND_BYTES) continue;
    await store.persist({ blocks });
    blocks = [];
  }
  await store.persist({ blocks });
}

/**
 * Milliseconds of an open: elapsed, and CPU of all threads, which other work on the machine affects
 * less.
 */
interface Opened {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Times an open in a fresh process, after its modules are loaded. */
async function openInChild(dir: string, build: string): Promise<Opened> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['--open', dir, build]);
  const [opened] = (await once(child, 'message')) as [Opened];
  await once(child, 'exit');
  return opened;
}

async function measureOpens(opens: number, root: string): Promise<string[]> {
  const without = patchedBuild(NO_PREFLIGHT);
  const lines = ['open: p50 ms, elapsed / CPU of all threads; fresh process, files in the page cache', ''];
  lines.push(
    '| live data | with preflight | without | preflight alone | preflight per MiB | open per MiB |',
    '|---|---|---|---|---|---|',
  );
  for (const shape of SHAPES) {
    const dir = mkdtempSync(join(root, 'armour-'));
    try {
      await build(dir, shape);
      await openInChild(dir, ''); // LevelDB rewrites its log as tables
      const opened: [Opened[], Opened[]] = [[], []];
      for (let n = 0; n < opens; n++) {
        const turns = [0, 1] as const;
        for (const which of n % 2 === 0 ? turns : turns.toReversed()) {
          opened[which].push(await openInChild(dir, which === 0 ? '' : without));
        }
      }
      const [whole, bare] = opened.map((all) => [
        median(all.map(({ ms }) => ms)),
        median(all.map(({ cpuMs }) => cpuMs)),
      ]);
      const mib = shape.liveBytes / MIB;
      const both = (of: (k: 0 | 1) => number) => `${digits(of(0))} / ${digits(of(1))}`;
      const [a, b] = [whole as [number, number], bare as [number, number]];
      const cells = [both((k) => a[k]), both((k) => b[k]), both((k) => a[k] - b[k])];
      cells.push(
        both((k) => (a[k] - b[k]) / mib),
        both((k) => a[k] / mib),
      );
      lines.push(`| ${[shape.name, ...cells].join(' | ')} |`);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return lines;
}

async function measureRounds(id: string, rounds: number, root: string): Promise<string> {
  const dir = mkdtempSync(join(root, 'armour-'));
  const workload = workloadOf(id);
  const source = new RoundSource(workload, SEED);
  const noWitness = await storeOf(patchedBuild(NO_WITNESS));
  const model = autobahn;
  const unwatched = { model, minFreeBytes: 0 };
  try {
    const variants = [
      { name: 'whole', store: await openLevel(join(dir, 'a'), { model }), ms: [] as number[] },
      { name: 'no witness', store: await noWitness(join(dir, 'b'), { model }), ms: [] as number[] },
      { name: 'no watermark', store: await openLevel(join(dir, 'c'), unwatched), ms: [] as number[] },
      { name: 'neither', store: await noWitness(join(dir, 'd'), unwatched), ms: [] as number[] },
    ];
    for (let round = 0; round < WARM_UP_ROUNDS + rounds; round++) {
      const { lanes: _, ...entries } = source.next();
      const first = round % variants.length;
      for (const { store, ms } of [...variants.slice(first), ...variants.slice(0, first)]) {
        const start = performance.now();
        await store.persist(entries);
        if (round >= WARM_UP_ROUNDS) ms.push(performance.now() - start);
      }
    }
    for (const { store } of variants) await store.close();
    const bare = variants.at(-1)!.ms;
    const cells = variants.map(({ ms }) => digits(percentile(ms, 0.5)));
    const ratio = (share: number) => digits(percentile(variants[0]!.ms, share) / percentile(bare, share));
    return `| ${[describe(workload), ...cells, ratio(0.5), ratio(0.1)].join(' | ')} |`;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const [rounds = '400', opens = '9', dir] = positionals(
    'node .build/bench/experiments/armour.js [rounds] [opens] [dir]',
  );
  const root = scratchRoot(dir);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(`load before: ${loadavg()[0]?.toFixed(2)} on ${availableParallelism()} cores\n`);
  if (Number(opens) > 0) for (const line of await measureOpens(Number(opens), root)) say(line);
  if (Number(rounds) === 0) return;
  say('\nround: p50 ms; ratio of whole to neither\n');
  say('| workload | whole | no witness | no watermark | neither | ratio p50 | ratio p10 |');
  say('|---|---|---|---|---|---|---|');
  for (const id of WORKLOADS) say(await measureRounds(id, Number(rounds), root));
}

const [mode, dir = '', tree = ''] = process.argv.slice(2);
if (mode === '--open') {
  const open = await storeOf(tree === '' ? undefined : tree);
  const [start, before] = [performance.now(), process.cpuUsage()];
  const store = await open(dir, { model: autobahn });
  const { user, system } = process.cpuUsage(before);
  const opened: Opened = { ms: performance.now() - start, cpuMs: (user + system) / 1000 };
  await store.close();
  process.send?.(opened);
  process.disconnect?.();
} else {
  await main();
}
