/**
 * `node .build/bench/recovery.js [parts] [dir]`: time and memory of a restart; `parts` is `time`,
 * `memory`, or `all`.
 * 1. 40 lanes x 90 blocks of 1 KiB: the time of recovery, in fresh processes (as when a node
 *    restarts) and in a warm process.
 * 2. `load: false` with 1 GiB of live data, in blocks of 64 KiB and of 1 MiB: anonymous memory of a
 *    fresh process, sampled from outside.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLevel } from '../src/index.js';
import { autobahn } from '../src/model/autobahn/index.js';
import { makeNetwork } from '../test/support/network.js';
import { positionals } from './args.js';
import { scratchRoot, treeSize } from './disk.js';
import { memoryOf } from './proc.js';
import { payloadFor } from './rounds.js';
import { digits, median } from './stats.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const OPENS = 5;
const POLL_MS = 2;
/** Size of the rounds that fill the store. */
const ROUND_BYTES = 4 * MIB;

/** The child's report of its open. */
interface Opened {
  readonly checkMs: number;
  readonly openMs: number;
  /**
   * CPU time of all threads, including LevelDB's open: less sensitive to other work on the machine
   * than elapsed time.
   */
  readonly cpuMs: number;
  readonly records: number;
  readonly bytes: number;
  readonly anonAfter: number;
}

interface Shape {
  readonly lanes: number;
  readonly blocksPerLane: number;
  readonly blockBytes: number;
}

/** Fills a store with blocks that all stay live. */
async function build(dir: string, { lanes, blocksPerLane, blockBytes }: Shape): Promise<void> {
  const network = makeNetwork({ validators: lanes, signed: false });
  const payloadBytes = payloadFor(blockBytes);
  const places = Array.from({ length: lanes }, (_, place) => place);
  await using store = await openLevel(dir, { model: autobahn });
  let blocks = [];
  for (let number = 0; number < blocksPerLane; number++) {
    for (const place of places) {
      blocks.push(network.block(place, { payloadBytes }));
      if (blocks.length * blockBytes < ROUND_BYTES) continue;
      await store.persist({ blocks });
      blocks = [];
    }
  }
  await store.persist({ blocks });
}

async function open(dir: string, load: boolean): Promise<Opened> {
  const before = process.cpuUsage();
  await using store = await openLevel(dir, { model: autobahn, load });
  const { user, system } = process.cpuUsage(before);
  const { checkMs, openMs, records, bytes } = store.recovery;
  return { checkMs, openMs, cpuMs: (user + system) / 1000, records, bytes, anonAfter: memoryOf('self').rssAnon };
}

interface ChildOpen extends Opened {
  readonly anonBefore: number;
  readonly anonPeak: number;
}

/** Opens in a fresh process and samples its memory during the open. */
async function openInChild(dir: string, load: boolean): Promise<ChildOpen> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['--open', dir, String(load)]);
  await once(child, 'message');
  const pid = child.pid as number;
  const anonBefore = memoryOf(pid).rssAnon;
  let anonPeak = anonBefore;
  const poll = setInterval(() => {
    const { rssAnon } = memoryOf(pid);
    if (rssAnon > anonPeak) anonPeak = rssAnon;
  }, POLL_MS);
  child.send('open');
  const [opened] = (await once(child, 'message')) as [Opened];
  clearInterval(poll);
  child.send('exit');
  await once(child, 'exit');
  return { ...opened, anonBefore, anonPeak: Math.max(anonPeak, opened.anonAfter) };
}

/** The child's part of {@link openInChild}. */
async function serve(dir: string, load: boolean): Promise<void> {
  process.send?.('ready');
  await once(process, 'message');
  process.send?.(await open(dir, load));
  await once(process, 'message');
  process.disconnect();
}

async function measureTime(root: string): Promise<void> {
  const dir = mkdtempSync(join(root, 'recovery-'));
  try {
    await build(dir, { lanes: 40, blocksPerLane: 90, blockBytes: KIB });
    const fresh: Opened[] = [];
    const warm: Opened[] = [];
    for (let i = 0; i < OPENS; i++) fresh.push(await openInChild(dir, true));
    for (let i = 0; i < OPENS; i++) warm.push(await open(dir, true));
    say(`40 lanes x 90 blocks of 1 KiB (${fresh[0]?.records} records), ${OPENS} opens each:`);
    for (const [name, opens] of Object.entries({ 'fresh process': fresh, 'same process': warm })) {
      const line = (pick: (opened: Opened) => number) =>
        `${digits(median(opens.map(pick)))} ms (${opens.map((opened) => digits(pick(opened))).join(', ')})`;
      say(
        `  ${name}: own time ${line(({ checkMs }) => checkMs)}, whole open ${line(({ openMs }) => openMs)}, CPU ${line(({ cpuMs }) => cpuMs)}`,
      );
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measureMemory(root: string, shape: Shape): Promise<void> {
  const dir = mkdtempSync(join(root, 'recovery-'));
  try {
    await build(dir, shape);
    const { lanes, blocksPerLane, blockBytes } = shape;
    say(`load: false over ${lanes} lanes x ${blocksPerLane} blocks of ${blockBytes / KIB} KiB:`);
    say(`  on disk ${mib(treeSize(dir).diskBytes)} MiB`);
    for (let i = 0; i < 3; i++) {
      const opened = await openInChild(dir, false);
      const growth = opened.anonPeak - opened.anonBefore;
      say(
        `  ${opened.records} records, ${mib(opened.bytes)} MiB checked in ${digits(opened.checkMs)} ms; RssAnon before ` +
          `${mib(opened.anonBefore)}, after ${mib(opened.anonAfter)}, peak ${mib(opened.anonPeak)} MiB: grows by ${mib(growth)} MiB`,
      );
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function mib(bytes: number): string {
  return digits(bytes / MIB, 4);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const USAGE = 'node .build/bench/recovery.js [time|memory|all] [dir]';

async function measure(parts: string, dir: string | undefined): Promise<void> {
  if (!['time', 'memory', 'all'].includes(parts)) throw new RangeError(`unknown part "${parts}"; usage: ${USAGE}`);
  const root = scratchRoot(dir);
  if (parts !== 'memory') await measureTime(root);
  if (parts === 'time') return;
  await measureMemory(root, { lanes: 20, blocksPerLane: 820, blockBytes: 64 * KIB });
  await measureMemory(root, { lanes: 20, blocksPerLane: 52, blockBytes: MIB });
}

// The script starts itself with `--open`.
if (process.argv[2] === '--open') {
  const [, dir = '', load] = process.argv.slice(2);
  await serve(dir, load === 'true');
} else {
  const [parts = 'all', dir] = positionals(USAGE);
  await measure(parts, dir);
}
