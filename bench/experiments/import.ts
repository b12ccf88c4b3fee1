/**
 * `node .build/bench/experiments/import.js [make] [MiB] [block KiB] [pairs] [dir]`: the speed of
 * importing a segment-file WAL, compared with raw classic-level. The latter loads the same bytes
 * from the same segments in synced batches of 4 MiB, with the store's LevelDB settings. The two
 * take turns, each in its own process, whose anonymous memory is sampled. The import checks every
 * hash, reads everything back and compares it; raw does none of this.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../src/adapter/level/database.js';
import { readFrame } from '../../src/adapter/wal/frame.js';
import { BLOCKS_DIR } from '../../src/adapter/wal/layout.js';
import { autobahn, entryChecks, importState } from '../../src/index.js';
import { blockKey } from '../../src/keys/index.js';
import { openWalSink } from '../../src/migrations/wal-sink.js';
import { makeNetwork } from '../../test/support/network.js';
import { positionals } from '../args.js';
import { scratchRoot } from '../disk.js';
import { memoryOf } from '../proc.js';
import { digits, percentile } from '../stats.js';

const USAGE =
  'node .build/bench/experiments/import.js [MiB] [block KiB] [pairs] [dir], or make [MiB] [block KiB] [dir]';
const MIB = 1024 * 1024;
const LANES = 4;
const BATCH_BYTES = 4 * MIB;
const SAMPLE_MS = 10;

/** The measurements of a child process. */
interface Figures {
  readonly seconds: number;
  readonly bytes: number;
  /** Maximum growth of RssAnon. */
  readonly grownBytes: number;
}

async function makeSource(directory: string, bytes: number, blockBytes: number): Promise<void> {
  mkdirSync(directory);
  const network = makeNetwork({ validators: LANES, signed: false });
  const sink = await openWalSink<unknown, unknown, unknown>(directory, { encoding: 'crc' });
  await sink.put({ kind: 'log', lane: undefined, first: 0n });
  const blocks = Math.ceil(bytes / LANES / blockBytes);
  for (const [place, lane] of network.laneIds.entries()) {
    await sink.put({ kind: 'log', lane, first: 0n });
    for (let i = 0; i < blocks; i++) {
      const entry = network.block(place, { payloadBytes: blockBytes, txBytes: 16 * 1024 });
      await sink.put({ kind: 'block', lane, number: BigInt(i), entry, wire: autobahn.block.toWire(entry) });
    }
  }
  await sink.finish();
}

async function runImport(source: string, target: string): Promise<number> {
  return (await importState(source, target, { model: autobahn, checks: entryChecks() })).bytes;
}

/** Copies the bytes from the segments to the database without decoding. */
async function runRaw(source: string, target: string): Promise<number> {
  const db = await openDatabase(target, {}, true, 'utf8');
  let total = 0;
  let batch = db.batch();
  let waiting = 0;
  for (const lane of readdirSync(join(source, BLOCKS_DIR))) {
    let number = 0n;
    for (const wire of entriesOf(join(source, BLOCKS_DIR, lane))) {
      batch.put(blockKey(lane, number++), wire);
      total += wire.length;
      waiting += wire.length;
      if (waiting < BATCH_BYTES) continue;
      await batch.write({ sync: true });
      batch = db.batch();
      waiting = 0;
    }
  }
  await batch.write({ sync: true });
  await db.close();
  return total;
}

function* entriesOf(directory: string): Generator<Uint8Array, void, void> {
  for (const name of readdirSync(directory).sort()) {
    const bytes = readFileSync(join(directory, name));
    for (let at = 0; at < bytes.length; ) {
      const frame = readFrame(bytes, at);
      if (typeof frame === 'string') throw new Error(`${name}, byte ${at}: ${frame}`);
      yield bytes.subarray(frame.start, frame.end);
      at = frame.end;
    }
  }
}

async function child(kind: string, source: string, target: string): Promise<void> {
  const before = memoryOf('self').rssAnon;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf('self').rssAnon);
  }, SAMPLE_MS);
  const started = performance.now();
  const bytes = await (kind === 'import' ? runImport(source, target) : runRaw(source, target));
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);
  const figures: Figures = { seconds, bytes, grownBytes: most - before };
  process.stdout.write(JSON.stringify(figures));
}

function inChild(kind: string, source: string, dir: string): Figures {
  const target = join(dir, kind);
  const script = fileURLToPath(import.meta.url);
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, 'child', kind, source, target], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  rmSync(target, { recursive: true });
  return JSON.parse(stdout);
}

function show(name: string, all: readonly Figures[]): number {
  const rates = all.map(({ bytes, seconds }) => bytes / MIB / seconds);
  const p50 = percentile(rates, 0.5);
  const grown = Math.max(...all.map(({ grownBytes }) => grownBytes)) / MIB;
  process.stdout.write(
    `  ${name}  ${rates.map(digits).join(', ')} MiB/s, p50 ${digits(p50)}; RssAnon grows by ${digits(grown)} MiB at most\n`,
  );
  return p50;
}

/** The path at which `make` stores a source, which later runs reuse. */
function sourceIn(root: string, mib: number, blockKiB: number): string {
  return join(root, `import-source-${mib}-${blockKiB}`);
}

async function compare(mib: number, blockKiB: number, pairs: number, root: string): Promise<void> {
  const dir = mkdtempSync(join(root, 'import-'));
  try {
    const made = sourceIn(root, mib, blockKiB);
    const source = existsSync(made) ? made : join(dir, 'source');
    if (source !== made) await makeSource(source, mib * MIB, blockKiB * 1024);
    const figures = { import: [] as Figures[], raw: [] as Figures[] };
    for (let pair = 0; pair < pairs; pair++) {
      const order = pair % 2 === 0 ? (['raw', 'import'] as const) : (['import', 'raw'] as const);
      for (const kind of order) figures[kind].push(inChild(kind, source, dir));
    }
    process.stdout.write(`${mib} MiB in blocks of ${blockKiB} KiB, ${LANES} lanes\n`);
    const ours = show('import', figures.import);
    const theirs = show('raw   ', figures.raw);
    process.stdout.write(`  import / raw: ${digits(ours / theirs)}\n`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const args = positionals(USAGE);
if (args[0] === 'child') {
  await child(args[1] ?? '', args[2] ?? '', args[3] ?? '');
} else if (args[0] === 'make') {
  const [, mib = '1024', blockKiB = '64', dir] = args;
  const made = sourceIn(scratchRoot(dir), Number(mib), Number(blockKiB));
  await makeSource(made, Number(mib) * MIB, Number(blockKiB) * 1024);
} else {
  const [mib = '1024', blockKiB = '64', pairs = '3', dir] = args;
  process.stdout.write(`load before: ${loadavg()[0]?.toFixed(2)} on ${availableParallelism()} cores\n`);
  await compare(Number(mib), Number(blockKiB), Number(pairs), scratchRoot(dir));
}
