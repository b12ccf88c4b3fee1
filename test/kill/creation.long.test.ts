/**
 * SIGKILL at any moment of creation and of the first rounds: the next open succeeds, and has every
 * acknowledged round.
 */
import { linkSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { Random, runWorker, testSeed } from '../support/kill.js';
import { plain, plainBlock, plainBlocks } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const WORKER = new URL('./creation-worker.js', import.meta.url);
/** Number of concurrent processes. */
const PARALLEL = 4;

const seed = testSeed();

interface Run {
  readonly killed: boolean;
  /** Rounds acknowledged by this run. */
  readonly rounds: number;
  /** Calls to node:fs, if the process reached its end. */
  readonly calls: number;
  readonly tookMs: number;
  readonly trace: readonly string[];
}

async function run(location: string, ...args: string[]): Promise<Run> {
  const { lines, code, signal, stderr } = await runWorker(WORKER, [location, ...args]);
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`${args.join(' ')}: the open failed: ${stderr}`);
  const [, calls = '0', ms = '0'] = lines.find((line) => line.startsWith('done '))?.split(' ') ?? [];
  return {
    killed: signal === 'SIGKILL',
    rounds: lines.filter((line) => line.startsWith('round ')).length,
    calls: Number(calls),
    tookMs: Number(ms),
    trace: lines.filter((line) => line.startsWith('call ')).map((line) => line.slice('call '.length)),
  };
}

/**
 * Opens after kills: at least `acknowledged` rounds, at most `submitted`, whole and in order; and
 * the store accepts new rounds.
 */
async function assertSound(location: string, acknowledged: number, submitted: number, what: string): Promise<void> {
  let count: number;
  {
    await using store = await openLevel(location, { model: plain });
    const blocks = store.takeRecovered().blocks.get('0a') ?? [];
    count = blocks.length;
    assert.ok(count >= acknowledged && count <= submitted, `${what}: ${acknowledged} <= ${count} <= ${submitted}`);
    assert.equal(blocks, plainBlocks('0a', 0, count), what);
    assert.is(store.seq, BigInt(count), what);
    assert.equal(readdirSync(location).sort(), ['level', 'witness'], what);
    await store.persist({ blocks: [plainBlock('0a', count)] });
  }
  await using store = await openLevel(location, { model: plain });
  assert.is(store.takeRecovered().blocks.get('0a')?.length, count + 1, what);
  assert.is(store.recovery.witnessedSeq, BigInt(count + 1), what);
}

/** Runs `task` for each item, several at a time. */
async function inParallel<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await task(items[next++] as T);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

const creation = suite('a kill during creation');

creation(
  'before every call that changes a file or a name, and again in the process after it',
  inTemp(async (dir) => {
    const { calls } = await run(join(dir, 'whole', 'deep', 'store'), 'never');
    assert.ok(calls > 20);
    const again = await run(join(dir, 'whole', 'deep', 'store'), 'never');
    const random = new Random(seed);
    const kills = Array.from({ length: calls }, (_, first) => ({ first, second: random.int(0, again.calls) }));
    await inParallel(kills, async ({ first, second }) => {
      const what = `before call ${first}, then before ${second}; seed ${seed}`;
      const location = join(dir, `${first}`, 'deep', 'store');
      const firstRun = await run(location, 'at', `${first}`);
      assert.ok(firstRun.killed, `call ${first} of ${calls} was reached`);
      if (first % 2 === 0) return assertSound(location, firstRun.rounds, 3, what);
      const secondRun = await run(location, 'at', `${second}`);
      await assertSound(location, firstRun.rounds + secondRun.rounds, 6, what);
    });
  }),
);

creation(
  'at random moments, within LevelDB too',
  inTemp(async (dir) => {
    const { tookMs } = await run(join(dir, 'warm', 'deep'), 'after', '60000');
    const random = new Random(seed);
    const kills = Array.from({ length: 10 }, (_, i) => ({ i, ms: random.next() * tookMs * 1.1 }));
    await inParallel(kills, async ({ i, ms }) => {
      const location = join(dir, `${i}`, 'deep');
      const { rounds } = await run(location, 'after', `${ms}`);
      await assertSound(location, rounds, 3, `after ${ms} ms, seed ${seed}`);
    });
  }),
);

creation(
  'syncs names in an order in which no power cut leaves a witness or a round without its database',
  inTemp(async (dir) => {
    const location = join(dir, 'new', 'deep', 'store');
    const { trace } = await run(location, 'never');
    const level = join(location, 'level');
    const witness = join(location, 'witness');
    /** The first line after `after` that matches; it must exist. */
    const at = (line: string, after = -1): number => {
      const index = trace.findIndex((entry, i) => i > after && entry.startsWith(line));
      assert.ok(index >= 0, `${line}, after ${trace[after] ?? 'the start'}, in\n${trace.join('\n')}`);
      return index;
    };
    const created = at(`fsync ${join(location, 'level.creating-')}`);
    const [, creating = ''] = (trace[created] ?? '').split(' ');
    const renamed = at(`renameSync ${creating} ${level}`, created);
    assert.is(trace.filter((line) => line.startsWith('renameSync')).length, 2);
    const witnessed = at(`open ${witness}.new `, renamed);
    // The new names, and every directory above them up to the root, are synced before the witness.
    for (let path = location; ; path = dirname(path)) {
      assert.ok(at(`fsync ${path} `, renamed) < witnessed, `${path} is synced before the witness is made`);
      if (path === dirname(path)) break;
    }
    // The witness gets its name once it is whole and synced.
    const synced = at(`fdatasync ${witness}.new `, witnessed);
    const placed = at(`renameSync ${witness}.new ${witness}`, synced);
    const named = at(`fsync ${location} `, placed);
    // The witness is opened for writing after that, and rounds come later still.
    at(`open ${witness} `, named);
  }),
);

creation(
  'before every call while a copy replaces a witness that has another name: the linked file keeps its bytes',
  inTemp(async (dir) => {
    /** A store with three rounds, and another name for its witness. */
    const linked = async (name: string) => {
      const [location, backup] = [join(dir, name), join(dir, `${name}-witness`)];
      assert.is((await run(location, 'after', '60000')).rounds, 3);
      linkSync(join(location, 'witness'), backup);
      return { location, backup, held: readFileSync(backup) };
    };
    const whole = await linked('whole');
    const { calls, trace } = await run(whole.location, 'never');
    assert.ok(trace.includes(`renameSync ${whole.location}/witness.new ${whole.location}/witness`), 'it was replaced');
    await inParallel([...Array(calls).keys()], async (at) => {
      const what = `before call ${at}`;
      const { location, backup, held } = await linked(`${at}`);
      const { killed, rounds } = await run(location, 'at', `${at}`);
      assert.ok(killed, what);
      await assertSound(location, 3 + rounds, 6, what);
      assert.is(Buffer.compare(readFileSync(backup), held), 0, `${what}: the linked file keeps its bytes`);
    });
  }),
);

creation.run();
