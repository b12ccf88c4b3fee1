/** The parts of the benchmark: rounds, turns, syncs and percentiles. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContenderKind } from '../../bench/contenders/contender.js';
import { contenderOf } from '../../bench/contenders/index.js';
import { variantName } from '../../bench/contenders/variant.js';
import { LongestTurn } from '../../bench/longest-turn.js';
import { BatchSource } from '../../bench/operations.js';
import { RoundSource } from '../../bench/rounds.js';
import { percentile } from '../../bench/stats.js';
import { countIn } from '../../bench/syncs.js';
import { inTurn, takeTurns } from '../../bench/turns.js';
import { workloadOf } from '../../bench/workload.js';
import { inTemp } from '../support/temp.js';

const test = suite('bench');

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

test('a variant of the store has its settings in its name', () => {
  const name = variantName({ writeBufferBytes: 1024 * 1024, compression: true });
  assert.is(name, 'level writeBufferBytes=1048576 compression=true');
  assert.is(contenderOf(name).name, name);
  assert.throws(() => contenderOf('level speed=11'), /unknown setting "speed"/);
  assert.throws(() => contenderOf('fastest'), /unknown contender "fastest"/);
});

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

test(
  'what a contender does after its round is done before the next contender begins',
  inTemp(async (dir) => {
    let [isBusy, delayed, jobs] = [false, 0, 0];
    const afterwards = async () => {
      for (let turn = 0; turn < 50; turn++) await undefined;
      isBusy = false;
    };
    const kind = (name: string): ContenderKind => ({
      name,
      description: '',
      open: async () => ({
        userBytes: 0,
        prepare: () => async () => {
          jobs++;
          if (isBusy) delayed++;
          isBusy = true;
          void afterwards();
          return { roundMs: 0, firstBlockMs: 0, lastBlockMs: 0 };
        },
        close: async () => undefined,
      }),
      restart: async () => ({ openMs: 0, live: { blocks: 0, commitQCs: 0, anchors: 0 } }),
    });
    await takeTurns([kind('a'), kind('b')], workloadOf('i'), 3, dir);
    assert.ok(jobs > 6);
    assert.is(delayed, 0);
  }),
);

test('a percentile is a measured sample', () => {
  assert.is(percentile([4, 1, 3, 2], 0.5), 2);
  assert.is(percentile([4, 1, 3, 2], 0.99), 4);
  assert.is(percentile([5], 0), 5);
});

test.run();
