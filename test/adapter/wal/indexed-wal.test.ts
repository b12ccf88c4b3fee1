/**
 * One log: the cases of wal_test.go at 11419398f, the cases of 289bc6101 that apply
 * (docs/original.md, Test cases: one log), and several segments.
 */
import { appendFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diskFiles } from '../../../src/base/files.js';
import { refused, rejection } from '../../support/faults.js';
import { inTemp, withTemp } from '../../support/temp.js';
import {
  appendAll,
  namesIn,
  numberedCodec,
  openLog,
  state,
  stateOf,
  type TextLogOptions,
  withLog,
} from './text-log.js';
import { WatchedFiles } from './watched-files.js';

const test = suite('wal: a log');
const s = (index: number) => String(index).padStart(20, '0');
const letters = [...'abcdefghijkl'];
const check = (dir: string, expected: ReturnType<typeof state>, options?: TextLogOptions) =>
  withLog(dir, async (log) => assert.equal(await stateOf(log), expected), options);

test(
  'a new log is empty: first == next == 1, one empty segment, modes as on a real node',
  inTemp(async (dir) => {
    await check(dir, state(1, []));
    assert.equal(namesIn(dir), [s(1)]);
    assert.is(statSync(join(dir, 'log')).mode & 0o777, 0o700);
    assert.is(statSync(join(dir, 'log', s(1))).mode & 0o777, 0o640);
    await check(dir, state(1, []));
  }),
);

test(
  'entries keep their order and their indexes, here and after reopening',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, ['a', 'b', 'c']);
      assert.equal(await stateOf(log), state(1, ['a', 'b', 'c']));
    });
    assert.is(readFileSync(join(dir, 'log', s(1)), 'latin1'), '\x01a\x01b\x01c');
    await check(dir, state(1, ['a', 'b', 'c']));
  }),
);

test(
  'the same on a real disk, with syncs',
  inTemp(async (dir) => {
    const options = { files: diskFiles, segmentBytes: 8 };
    await withLog(
      dir,
      async (log) => {
        await appendAll(log, letters);
        await log.truncateBefore(6n);
        await log.truncateBefore(11n);
        await log.append('m');
      },
      options,
    );
    await check(dir, state(11, ['k', 'l', 'm']), options);
  }),
);

test(
  'truncate before 4 of 5; the file is named by its first index',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, ['a', 'b', 'c', 'd', 'e']);
      await log.truncateBefore(4n);
      assert.equal(await stateOf(log), state(4, ['d', 'e']));
    });
    assert.equal(namesIn(dir), [s(4)]);
    assert.is(readFileSync(join(dir, 'log', s(4)), 'latin1'), '\x01d\x01e');
    assert.is(statSync(join(dir, 'log', s(4))).mode & 0o777, 0o640);
    await check(dir, state(4, ['d', 'e']));
  }),
);

test(
  'truncating to the last entry keeps it; to the first entry does nothing',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, ['a', 'b', 'c']);
      await log.truncateBefore(1n);
      assert.equal(await stateOf(log), state(1, ['a', 'b', 'c']));
      await log.truncateBefore(3n);
      assert.equal(await stateOf(log), state(3, ['c']));
    });
    await check(dir, state(3, ['c']));
  }),
);

test(
  'verify sees the first surviving entry; if it throws, the log does not change',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, ['a', 'b', 'c']);
      const seen: string[] = [];
      const refusal = new Error('not that one');
      const error = await rejection(
        log.truncateBefore(2n, (entry) => {
          seen.push(entry);
          throw refusal;
        }),
      );
      assert.is(error, refusal);
      assert.equal(seen, ['b']);
      assert.equal(await stateOf(log), state(1, ['a', 'b', 'c']));
      await log.truncateBefore(3n, (entry) => void seen.push(entry));
      assert.equal(seen, ['b', 'c']);
      await log.append('d');
      assert.equal(await stateOf(log), state(3, ['c', 'd']));
    });
  }),
);

test(
  'truncateAll empties and keeps the index, also through reopening',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, ['a', 'b', 'c']);
      await log.truncateAll();
      assert.equal(await stateOf(log), state(4, []));
    });
    assert.equal(namesIn(dir), [s(4)]);
    await withLog(dir, async (log) => {
      assert.equal(await stateOf(log), state(4, []));
      await log.append('d');
      assert.equal(await stateOf(log), state(4, ['d']));
    });
    await check(dir, state(4, ['d']));
  }),
);

test(
  'truncateAll of a new log does nothing, and it stays writable',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await log.truncateAll();
      assert.equal(await stateOf(log), state(1, []));
      await log.append('a');
    });
    await check(dir, state(1, ['a']));
  }),
);

test(
  'truncating before next empties the log, without verify',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, ['a', 'b']);
      await log.truncateBefore(3n, () => {
        throw new Error('there is nothing to verify');
      });
      assert.equal(await stateOf(log), state(3, []));
    });
  }),
);

test(
  'truncating past next, or before first, is refused and changes nothing',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, ['a', 'b', 'c']);
      await log.truncateBefore(2n);
      await refused(log.truncateBefore(5n), 'LANESTORE_INVALID');
      await refused(log.truncateBefore(1n), 'LANESTORE_INVALID');
      assert.equal(await stateOf(log), state(2, ['b', 'c']));
    });
  }),
);

test(
  'truncations and appends in turn',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, ['a', 'b', 'c']);
      await log.truncateBefore(2n);
      await appendAll(log, ['d', 'e']);
      await log.truncateBefore(5n);
      await log.append('f');
      await log.truncateAll();
      await log.append('g');
      assert.equal(await stateOf(log), state(7, ['g']));
    });
    await check(dir, state(7, ['g']));
  }),
);

test(
  'readAll reads the disk: entries that were removed from outside are missed',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, ['aa', 'bb']);
      truncateSync(join(dir, 'log', s(1)), 3);
      const error = await refused(log.readAll(), 'LANESTORE_CORRUPT');
      assert.is(error.findings?.[0]?.kind, 'entries-missing');
    });
  }),
);

test(
  'an empty entry is refused, and the log stays usable',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await refused(log.append(''), 'LANESTORE_INVALID');
      await log.append('a');
      assert.equal(await stateOf(log), state(1, ['a']));
    });
  }),
);

test(
  'one call at a time; a closed log accepts none',
  inTemp(async (dir) => {
    const log = await openLog(dir);
    const first = log.append('a');
    assert.instance(await rejection(log.append('b')), TypeError);
    await first;
    await log.close();
    await log.close();
    await refused(log.append('c'), 'LANESTORE_CLOSED');
    await check(dir, state(1, ['a']));
  }),
);

test(
  'after a failed write the log accepts nothing; the next open repairs it',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    await withLog(
      dir,
      async (log) => {
        await log.append('a');
        files.before = ({ kind }) => {
          if (kind !== 'sync') return;
          appendFileSync(join(dir, 'log', s(1)), '\x05to');
          throw Object.assign(new Error('disk on fire'), { code: 'EIO' });
        };
        await refused(log.append('b'), 'LANESTORE_FAILED', /disk on fire/);
        files.before = () => {};
        await refused(log.append('c'), 'LANESTORE_FAILED', /disk on fire/);
        await refused(log.truncateAll(), 'LANESTORE_FAILED');
      },
      { files },
    );
    await check(dir, state(1, ['a', 'b']));
  }),
);

test(
  'a file where the directory should be is LANESTORE_IO',
  inTemp(async (dir) => {
    writeFileSync(join(dir, 'log'), '');
    await refused(openLog(dir), 'LANESTORE_IO');
  }),
);

test(
  'a file that is not a segment is left alone',
  inTemp(async (dir) => {
    mkdirSync(join(dir, 'log', s(9)), { recursive: true });
    writeFileSync(join(dir, 'log', 'README'), 'hands off');
    await withLog(dir, (log) => log.append('a'));
    await check(dir, state(1, ['a']));
    assert.equal(namesIn(dir), [s(1), s(9), 'README']);
  }),
);

const segmentBytes = 8;

test(
  'a segment that reaches the target is followed by a new one, as in the original: eagerly, after the write',
  inTemp(async (dir) => {
    await withLog(
      dir,
      async (log) => {
        await appendAll(log, letters.slice(0, 3));
        assert.equal(namesIn(dir), [s(1)]);
        await log.append('d');
        assert.equal(namesIn(dir), [s(1), s(5)]);
        await appendAll(log, letters.slice(4));
        assert.equal(await stateOf(log), state(1, letters));
      },
      { segmentBytes },
    );
    assert.equal(namesIn(dir), [s(1), s(5), s(9), s(13)]);
    await check(dir, state(1, letters), { segmentBytes });
    await withLog(dir, (log) => log.append('m'), { segmentBytes });
    await check(dir, state(1, [...letters, 'm']), { segmentBytes });
  }),
);

test(
  'a tail that is beyond the target when it is opened is left as it is',
  inTemp(async (dir) => {
    await withLog(dir, (log) => appendAll(log, letters));
    await withLog(dir, (log) => log.append('m'), { segmentBytes });
    assert.equal(namesIn(dir), [s(1), s(13)]);
    await check(dir, state(1, [...letters, 'm']));
  }),
);

for (const [at, names] of [
  [3, [3, 5, 9, 13]],
  [5, [5, 9, 13]],
  [6, [6, 9, 13]],
  [12, [12, 13]],
  [13, [13]],
] as const) {
  test(
    `truncating several segments before ${at}, at a border and within, then appending`,
    inTemp(async (dir) => {
      await withLog(
        dir,
        async (log) => {
          await appendAll(log, letters);
          await log.truncateBefore(BigInt(at), (entry) => assert.is(entry, letters[at - 1]));
          assert.equal(namesIn(dir), names.map(s));
          assert.equal(await stateOf(log), state(at, letters.slice(at - 1)));
          await log.append('m');
        },
        { segmentBytes },
      );
      await check(dir, state(at, [...letters.slice(at - 1), 'm']), { segmentBytes });
    }),
  );
}

test(
  'a missing segment, or one with too many entries, is damage',
  inTemp(async (dir) => {
    await withLog(dir, (log) => appendAll(log, letters), { segmentBytes });
    writeFileSync(join(dir, 'log', s(2)), '\x01z');
    const error = await refused(openLog(dir), 'LANESTORE_CORRUPT');
    assert.equal(
      error.findings?.map(({ kind, file }) => [kind, file]),
      [
        ['segment-overlap', s(2)],
        ['segment-gap', s(5)],
      ],
    );
  }),
);

test(
  'a gap in the numbers that entries carry is damage',
  inTemp(async (dir) => {
    await withLog(dir, (log) => appendAll(log, ['#3:x;', '#4:x;', '#6:x;']));
    const error = await refused(openLog(dir, { codec: numberedCodec }), 'LANESTORE_CORRUPT');
    assert.equal(
      error.findings?.map(({ kind, number, file }) => [kind, number, file]),
      [['number-gap', 6n, s(1)]],
    );
  }),
);

/** The steps of a random history; `at` picks an index within the log's range, in thousandths. */
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), text: fc.string({ minLength: 1, maxLength: 12 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('truncate' as const), at: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('empty' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);

test('any history: the same result as an array', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 30 }), fc.integer({ min: 1, max: 60 }), (actions, target) =>
      withTemp(async (dir) => {
        const options = { segmentBytes: target, directorySync: false };
        let log = await openLog(dir, options);
        let first = 1;
        let entries: string[] = [];
        for (const action of actions) {
          if (action.do === 'append') {
            await log.append(action.text);
            entries.push(Buffer.from(action.text).toString());
          } else if (action.do === 'reopen') {
            await log.close();
            log = await openLog(dir, options);
          } else {
            const gone = action.do === 'empty' ? entries.length : Math.round((entries.length * action.at) / 1000);
            const survivor = entries[gone];
            await log.truncateBefore(BigInt(first + gone), (entry) => assert.is(entry, survivor));
            first += gone;
            entries = entries.slice(gone);
          }
          assert.equal([log.firstIndex, log.nextIndex], [BigInt(first), BigInt(first + entries.length)]);
        }
        assert.equal(await stateOf(log), state(first, entries));
        await log.close();
      }),
    ),
    { numRuns: 60 },
  );
});

test.run();
