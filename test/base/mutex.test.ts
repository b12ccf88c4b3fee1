/**
 * Lanes that are written at the same time: bounded, in order, and a failed write releases its slot.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolThreads } from '../../src/base/files.js';
import { Semaphore } from '../../src/base/mutex.js';
import { withStore } from '../adapter/wal/plain-store.js';
import { WatchedFiles } from '../adapter/wal/watched-files.js';
import { plainBlock } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('wal: slots');

test('never more than the bound, all of them, in order of arrival, whatever fails', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ turns: fc.nat(3), fails: fc.boolean() }), { maxLength: 12 }),
      async (max, steps) => {
        const slots = new Semaphore(max);
        const begun: number[] = [];
        let running = 0;
        const results = await Promise.allSettled(
          steps.map(({ turns, fails }, i) =>
            slots.run(async () => {
              begun.push(i);
              running++;
              assert.ok(running <= max, `${running} of ${max}`);
              for (let turn = 0; turn < turns; turn++) await Promise.resolve();
              running--;
              if (fails) throw new Error(`step ${i}`);
              return i;
            }),
          ),
        );
        assert.equal(
          begun,
          steps.map((_, i) => i),
        );
        assert.equal(
          results.map(({ status }) => status),
          steps.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')),
        );
      },
    ),
    { seed: 4, numRuns: 200 },
  ));

test("the number of pool threads equals libuv's", () => {
  const table: [string | undefined, number][] = [
    [undefined, 4],
    ['16', 16],
    ['1', 1],
    ['0', 1],
    ['-3', 1],
    ['many', 1],
    ['5000', 1024],
  ];
  for (const [asked, threads] of table) {
    assert.is(poolThreads(asked === undefined ? {} : { UV_THREADPOOL_SIZE: asked }), threads, String(asked));
  }
});

test(
  'with many lanes the first ones are durable before the last ones begin',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const lanes = Array.from({ length: 6 * poolThreads() }, (_, i) => i.toString(16).padStart(2, '0'));
    await withStore(
      dir,
      async (store) => {
        await store.persist({ blocks: lanes.map((lane) => plainBlock(lane, 0)) });
        files.done.length = 0;
        const durable: string[] = [];
        await store.persist(
          { blocks: lanes.map((lane) => plainBlock(lane, 1)) },
          { block: () => durable.push(`${files.done.length}`) },
        );
        assert.is(durable.length, lanes.length);
        assert.ok(
          Number(durable[0]) < files.done.length / 2,
          `the first block was durable after ${durable[0]} operations`,
        );
      },
      { files },
    );
  }),
);

test.run();
