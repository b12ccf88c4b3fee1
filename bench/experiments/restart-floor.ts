/**
 * `node .build/bench/experiments/restart-floor.js [workloads] [times] [build] [dir]`: which part of
 * a restart is due to LevelDB and to the protocol's types, and what this store adds. Each part runs
 * in a fresh process with its modules loaded, on its own copy of the store, in turns:
 *
 * - `level`: from the call of `openLevel` to the end of `takeRecovered`; with `build`, the
 *   `.build` directory of another checkout, the same for a store that it filled;
 * - `read`: LevelDB opens, one iterator reads every key and value, and every value file is read.
 *   Nothing is checked;
 * - `decode`: the model decodes the bodies of all entries, which are already in memory.
 *
 * No store on LevelDB that hands out all entries at start takes less than `read` and `decode`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { encodeRecord, isFault, openRecord } from '../../src/adapter/level/format/record.js';
import type * as lanestore from '../../src/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import { positionals } from '../args.js';
import type { ContenderKind } from '../contenders/contender.js';
import { level } from '../contenders/level.js';
import { otherBuildOf } from '../contenders/other-build.js';
import { copyOnDisk, scratchRoot } from '../disk.js';
import { RoundSource } from '../rounds.js';
import { digits, median } from '../stats.js';
import { workloadOf } from '../workload.js';

const SEED = 1;
const SCRIPT = fileURLToPath(import.meta.url);
const USAGE = 'node .build/bench/experiments/restart-floor.js [workloads] [times] [build] [dir]';
/** Fills of all lanes, so that LevelDB has tables and a log. */
const FILLS = 3;
const BODIES_FILE = 'bodies';
/** Kind and size of a body in that file. */
const HEAD_BYTES = 5;
/** The key of the records: a body does not depend on it. */
const KEY = 'qc/00000000000000000000';

type Part = 'level' | 'other' | 'read' | 'decode';

/** Fills a store, and returns the encoded bodies of the entries that it keeps. */
async function build(kind: ContenderKind, dir: string, id: string): Promise<Buffer> {
  const source = new RoundSource(workloadOf(id), SEED);
  const kept: Buffer[][] = [];
  mkdirSync(dir);
  const contender = await kind.open(dir);
  for (let round = 0; round < FILLS * source.roundsToFill; round++) {
    const next = source.next();
    kept.push([
      ...next.blocks.flatMap((block) => framed(0, encodeRecord(KEY, autobahn.block.toBody(block)).bytes)),
      ...next.commitQCs.flatMap((qc) => framed(1, encodeRecord(KEY, autobahn.commitQC.toBody(qc)).bytes)),
    ]);
    if (kept.length > source.roundsToFill) kept.shift();
    await contender.prepare(next)();
  }
  await contender.close();
  return Buffer.concat(kept.flat());
}

/** Kind, size, and body of a record. */
function framed(kind: number, record: Uint8Array): Buffer[] {
  const opened = openRecord(KEY, record);
  if (isFault(opened)) throw new Error(opened.detail);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(kind);
  head.writeUInt32LE(opened.encoded.length, 1);
  return [head, Buffer.from(opened.encoded)];
}

/** The part's milliseconds in a fresh process. */
async function inChild(part: Part, dir: string, other: string): Promise<number> {
  const child = fork(SCRIPT, ['--part', part, dir, other]);
  const ended = once(child, 'exit');
  const answer = once(child, 'message') as Promise<[number]>;
  const first = await Promise.race([answer, ended.then(() => undefined)]);
  if (first === undefined) throw new Error(`${part}: the process ended without an answer`);
  await ended;
  return first[0];
}

/** The child's part: loads its modules, then measures. */
async function measure(part: Part, dir: string, other: string): Promise<number> {
  if (part === 'level' || part === 'other') {
    const root = part === 'other' ? join(other, 'src') : fileURLToPath(new URL('../../src', import.meta.url));
    const load = (path: string) => import(pathToFileURL(join(root, path)).href);
    const { openLevel } = (await load('index.js')) as typeof lanestore;
    const { autobahn: model } = await load('model/autobahn/index.js');
    await import('classic-level');
    const start = performance.now();
    const store = await openLevel(join(dir, 'copy'), { model });
    store.takeRecovered();
    const ms = performance.now() - start;
    await store.close();
    return ms;
  }
  return part === 'read' ? read(join(dir, 'copy')) : decode(readFileSync(join(dir, BODIES_FILE)));
}

async function read(location: string): Promise<number> {
  const { ClassicLevel } = await import('classic-level');
  const start = performance.now();
  const db = new ClassicLevel<Uint8Array, Uint8Array>(join(location, 'level'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  await db.open();
  const iterator = db.iterator({ highWaterMarkBytes: 512 * 1024 });
  while ((await iterator.nextv(1000)).length > 0);
  await iterator.close();
  const values = join(location, 'values');
  if (existsSync(values)) for (const file of readdirSync(values)) readFileSync(join(values, file));
  const ms = performance.now() - start;
  await db.close();
  return ms;
}

function decode(bodies: Buffer): number {
  const start = performance.now();
  const entries: unknown[] = [];
  for (let at = 0; at < bodies.length; ) {
    const from = at + HEAD_BYTES;
    const to = from + bodies.readUInt32LE(at + 1);
    const codec = bodies[at] === 0 ? autobahn.block : autobahn.commitQC;
    entries.push(codec.readBody?.(bodies.subarray(from, to)));
    at = to;
  }
  const ms = performance.now() - start;
  if (entries.includes(undefined)) throw new Error('an entry was not decoded');
  return ms;
}

async function compare(id: string, times: number, other: string | undefined, root: string): Promise<void> {
  const dir = mkdtempSync(join(root, 'restart-floor-'));
  try {
    const [made, otherMade, copy] = [join(dir, 'made'), join(dir, 'other'), join(dir, 'copy')];
    writeFileSync(join(dir, BODIES_FILE), await build(level, made, id));
    const kind = otherBuildOf(`level@${other}`);
    if (other !== undefined && kind !== undefined) await build(kind, otherMade, id);
    const parts: readonly Part[] = ['level', ...(other === undefined ? [] : (['other'] as const)), 'read', 'decode'];
    const taken = new Map(parts.map((part) => [part, [] as number[]]));
    for (let i = 0; i < times; i++) {
      for (const part of parts) {
        copyOnDisk(part === 'other' ? otherMade : made, copy);
        taken.get(part)?.push(await inChild(part, dir, other ?? ''));
        rmSync(copy, { recursive: true });
      }
    }
    say(`${id}, ${times} restarts of each, ms: p50 (lowest to highest)`);
    for (const [part, all] of taken)
      say(`  ${part.padEnd(8)}${digits(median(all))} (${digits(Math.min(...all))} to ${digits(Math.max(...all))})`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

// The script starts itself with `--part`.
if (process.argv[2] === '--part') {
  const [, part = '', dir = '', other = ''] = process.argv.slice(2);
  process.send?.(await measure(part as Part, dir, other));
  process.disconnect();
} else {
  const [ids = 'iii,v', times = '7', other, where] = positionals(USAGE);
  const build = other === undefined ? undefined : resolve(other);
  for (const id of ids.split(',')) await compare(id, Number(times), build, scratchRoot(where));
}
