/**
 * Every contender for a few tiny rounds: the harness works, and all contenders end with the same
 * content. No figure is judged.
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Durable } from '../../bench/contenders/contender.js';
import { CONTENDERS, contenderOf } from '../../bench/contenders/index.js';
import { variantName } from '../../bench/contenders/variant.js';
import { measureDamaged } from '../../bench/damaged.js';
import { LongestTurn } from '../../bench/longest-turn.js';
import { describeMachine } from '../../bench/machine.js';
import { damagedTable, toMarkdown, workloadTables } from '../../bench/markdown.js';
import { BatchSource } from '../../bench/operations.js';
import type { Results } from '../../bench/results.js';
import { RoundSource } from '../../bench/rounds.js';
import { runWorkload } from '../../bench/run.js';
import { percentile } from '../../bench/stats.js';
import { summarize } from '../../bench/summary.js';
import { countIn } from '../../bench/syncs.js';
import { inTurn } from '../../bench/turns.js';
import { BLOCKS_KEPT, type Workload, workloadOf } from '../../bench/workload.js';
import { inTemp } from '../support/temp.js';

const test = suite('bench');

const TINY: Workload = { id: 'tiny', lanes: 2, blocksPerLane: 3, blockBytes: 1024, blocksKept: BLOCKS_KEPT };
const ROADS_KEPT = BLOCKS_KEPT / TINY.blocksPerLane;
const ROUNDS = ROADS_KEPT + 3;

test('rounds: the same seed makes the same rounds, with the sizes of the table', () => {
  const make = () => {
    const source = new RoundSource(workloadOf('ii'), 7);
    const batches = new BatchSource();
    return Array.from({ length: 31 }, () => batches.next(source.next())).pop() ?? [];
  };
  const batch = make();
  assert.equal(batch, make());
  const puts = batch.filter((operation) => operation.type === 'put');
  const blocks = puts.filter(({ key }) => key.startsWith('lane/'));
  assert.is(blocks.length, 20);
  for (const { value } of blocks) assert.ok(Math.abs(value.length - 1024) <= 16, `${value.length}`);
  assert.is(puts[0]?.key, 'meta/tip');
  assert.is(batch.filter(({ type }) => type === 'del').length, 21, 'a block a lane and a CommitQC go');
});

for (const kind of CONTENDERS) {
  test(
    `${kind.name} makes rounds durable and recovers them`,
    inTemp(async (dir) => {
      const reason = await kind.unavailable?.();
      if (reason !== undefined) {
        process.stdout.write(`skipped: ${kind.name}: ${reason}\n`);
        return;
      }
      const source = new RoundSource(TINY, 1);
      const contender = await kind.open(dir);
      const times: Durable[] = [];
      for (let round = 0; round < ROUNDS; round++) times.push(await contender.prepare(source.next())());
      assert.ok(contender.userBytes > TINY.lanes * TINY.blocksPerLane * 512);
      await contender.close();
      for (const { roundMs, firstBlockMs, lastBlockMs } of times) {
        assert.ok(firstBlockMs > 0 && firstBlockMs <= lastBlockMs && lastBlockMs <= roundMs);
      }
      if (kind.restart === undefined) return;
      const { openMs, live } = await kind.restart(dir);
      assert.ok(openMs > 0);
      assert.equal(live, { blocks: TINY.lanes * BLOCKS_KEPT, commitQCs: ROADS_KEPT, anchors: 1 });
    }),
  );
}

test('a variant of the store has its settings in its name', () => {
  const name = variantName({ writeBufferBytes: 1024 * 1024, compression: true });
  assert.is(name, 'level writeBufferBytes=1048576 compression=true');
  assert.is(contenderOf(name).name, name);
  assert.throws(() => contenderOf('level speed=11'), /unknown setting "speed"/);
  assert.throws(() => contenderOf('fastest'), /unknown contender "fastest"/);
});

test(
  'a run in worker processes produces the figures of the report',
  inTemp(async (dir) => {
    const workload = workloadOf('i');
    const measured = await runWorkload({
      workload,
      kinds: ['limit', 'raw', 'level'].map(contenderOf),
      effort: {
        settles: true,
        warmUpRoundsMax: 31,
        warmUpMsMax: 0,
        sliceRoundsMax: 4,
        sliceMsMax: 60_000,
        slices: 1,
        restarts: 1,
        countedRounds: 2,
      },
      seed: 1,
      repetitions: 3,
      dir: join(dir, 'run'),
      progress: () => undefined,
    });
    const result = summarize(workload, measured, []);
    assert.equal(result.complaints, []);
    assert.equal(
      result.contenders.map(({ name }) => name),
      ['limit', 'raw', 'level'],
    );
    for (const contender of result.contenders) {
      assert.is(contender.rounds, 12);
      assert.ok(
        contender.roundMs.p50.min <= contender.roundMs.p50.median &&
          contender.roundMs.p50.median <= contender.roundMs.max.max,
      );
      assert.is(contender.syncs?.perRound, 1, `${contender.name}: one synced write per round, ${contender.syncs?.how}`);
      assert.ok((contender.turnMsMax?.rounds?.max ?? -1) >= 0, `${contender.name}: it has its longest turn`);
      assert.ok(contender.userBytesPerRound > 4 * 1024 && contender.diskBytes > 0 && contender.cpuMsPerRound > 0);
    }
    const level = result.contenders[2];
    assert.equal(level?.live, { blocks: 4 * BLOCKS_KEPT, commitQCs: BLOCKS_KEPT, anchors: 1 });
    assert.ok((level?.overRaw ?? 0) > 0 && (level?.overLimit ?? 0) > 0);
    assert.is(level?.overGoWal, null);
    const results: Results = {
      format: 1,
      startedAt: new Date(0).toISOString(),
      seconds: 1,
      quick: true,
      seed: 1,
      repetitions: 3,
      machine: describeMachine(dir),
      othersCores: 0,
      workloads: [result],
    };
    assert.equal(
      JSON.parse(JSON.stringify(results)).workloads[0].contenders.length,
      3,
      'nothing in it is lost as JSON',
    );
    const table = workloadTables(results, '##')
      .split('\n')
      .filter((line) => line.startsWith('|'));
    assert.is(table.length, 5);
    assert.is(new Set(table.map((line) => line.split('|').length)).size, 1, 'every row has every column');
    assert.ok(toMarkdown(results, []).includes(table.join('\n')), 'the report has that table');
  }),
);

test('the longest turn is the one that blocked the event loop', async () => {
  const longest = new LongestTurn();
  const busy = async (ms: number) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };
  await longest.during(() => busy(200));
  const taken = longest.take();
  assert.ok(taken >= 190, `${taken} ms`);
  assert.is(longest.take(), 0, 'it was taken');
});

test('work between two measurements is no turn of theirs', async () => {
  const longest = new LongestTurn();
  const nothing = async () => undefined;
  await longest.during(nothing);
  const end = performance.now() + 1500;
  while (performance.now() < end);
  await longest.during(nothing);
  const taken = longest.take();
  assert.ok(taken < 1000, `${taken} ms`);
});

test(
  'damaged directories are opened or refused as expected, and the report has their figures',
  inTemp(async (dir) => {
    const damaged = await measureDamaged(join(dir, 'damaged'), 0.02);
    assert.equal(
      damaged.map(({ what, outcome }) => `${what.slice(0, 5)} ${outcome}`),
      ['wal:  opened', 'wal:  opened', 'wal:  LANESTORE_CORRUPT', 'level LANESTORE_CORRUPT'],
    );
    const table = damagedTable({ damaged } as unknown as Results);
    for (const { what, bytes, openMs, turnMsMax } of damaged) {
      assert.ok(table.includes(`| ${what} |`));
      assert.ok(bytes > 1000 && openMs > 0 && turnMsMax >= 0, what);
    }
    assert.match(damagedTable({} as Results), /Not measured yet/);
  }),
);

test('only syncs between the marks are counted', () => {
  const trace = [
    '10 openat(AT_FDCWD, "/s/data", O_RDWR|O_CREAT|O_DSYNC|O_CLOEXEC, 0664) = 31</s/data>',
    '10 openat(AT_FDCWD, "/s/data", O_RDWR|O_CLOEXEC) = 30</s/data>',
    '10 fdatasync(20) = 0',
    '10 access("/lanestore-bench-begin", F_OK) = -1 ENOENT (No such file or directory)',
    '12 fdatasync(20 <unfinished ...>',
    '10 fsync(21) = 0',
    '12 <... fdatasync resumed>) = 0',
    '12 fdatasync(20) = 0',
    '11 pwritev(25</s/values/00000000000000000001.values>, [{iov_base="..."}], 2, 0 <unfinished ...>',
    '11 pwrite64(24</s/witness>, "..."..., 36, 0) = 36',
    '12 pwrite64(26</s/values/00000000000000000002.preparing>, "..."..., 1048576, 0) = 1048576',
    '12 pwrite64(30</s/data>, "..."..., 4096, 0) = 4096',
    '12 pwrite64(31</s/data>, "..."..., 4096, 0) = 4096',
    '12 msync(0x7f0000000000, 4096, MS_SYNC) = 0',
    '10 access("/lanestore-bench-end", F_OK) = -1 ENOENT (No such file or directory)',
    '12 fdatasync(20) = 0',
    '',
  ].join('\n');
  assert.equal(countIn(trace, 2), { fsyncs: 0.5, fdatasyncs: 1, msyncs: 0.5, syncedWrites: 1.5 });
  assert.throws(() => countIn('', 1), /marks/);
});

test('contenders take turns: each is first as often as the others, in both directions', () => {
  const orders = Array.from({ length: 6 }, (_, round) => inTurn(['a', 'b', 'c'], round).join(''));
  assert.equal(orders, ['abc', 'bca', 'cab', 'acb', 'bac', 'cba']);
});

test('a percentile is a measured sample', () => {
  assert.is(percentile([4, 1, 3, 2], 0.5), 2);
  assert.is(percentile([4, 1, 3, 2], 0.99), 4);
  assert.is(percentile([5], 0), 5);
});

test.run();
