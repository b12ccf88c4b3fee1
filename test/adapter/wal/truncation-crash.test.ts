/**
 * Crashes within a truncation. If the process dies: every prefix of the file operations. After a
 * power cut: every prefix, and any subset of the directory changes since the last directory sync.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IndexedWal } from '../../../src/adapter/wal/index.js';
import { refused } from '../../support/faults.js';
import { inTemp } from '../../support/temp.js';
import { appendAll, namesIn, numberedCodec, openLog, state, stateOf, withLog } from './text-log.js';
import { type Operation, WatchedFiles } from './watched-files.js';

const test = suite('wal: crashes within a truncation');
const s = (index: number) => String(index).padStart(20, '0');
const letters = [...'abcdefghij'];

interface Case {
  readonly what: string;
  readonly segmentBytes: number;
  readonly run: (log: IndexedWal<string>) => Promise<void>;
  readonly after: ReturnType<typeof state>;
}

const cases: Case[] = [
  { what: 'one segment', segmentBytes: 100, run: (log) => log.truncateBefore(7n), after: state(7, letters.slice(6)) },
  { what: 'one segment, all', segmentBytes: 100, run: (log) => log.truncateAll(), after: state(11, []) },
  { what: 'within the tail of four', segmentBytes: 6, run: (log) => log.truncateBefore(10n), after: state(10, ['j']) },
  { what: 'all of four', segmentBytes: 6, run: (log) => log.truncateAll(), after: state(11, []) },
  {
    what: 'within the third of four',
    segmentBytes: 6,
    run: (log) => log.truncateBefore(8n),
    after: state(8, ['h', 'i', 'j']),
  },
  {
    what: 'at the border of the third',
    segmentBytes: 6,
    run: (log) => log.truncateBefore(7n),
    after: state(7, letters.slice(6)),
  },
  {
    what: 'within the first of four',
    segmentBytes: 6,
    run: (log) => log.truncateBefore(2n),
    after: state(2, letters.slice(1)),
  },
];

/** The log before the truncation, made once for all crash points of a case. */
async function prepare(dir: string, { segmentBytes }: Case): Promise<string> {
  const before = join(dir, 'before');
  mkdirSync(before);
  await withLog(before, (log) => appendAll(log, letters), { segmentBytes });
  return before;
}

/**
 * The state after a crash must be the log before or after the truncation; it must accept an entry;
 * and no extra file may be left.
 */
async function checkRecovery(dir: string, truncation: Case, message: string): Promise<'before' | 'after'> {
  const [found, again] = await withLog(dir, async (log) => {
    const state = await stateOf(log);
    await log.append('new');
    return [state, await stateOf(log)];
  });
  const is = found.first === 1n ? 'before' : 'after';
  assert.equal(found, is === 'before' ? state(1, letters) : truncation.after, message);
  assert.equal(again.entries, [...found.entries, 'new'], message);
  assert.ok(
    namesIn(dir).every((name) => /^[0-9]{20}$/.test(name)),
    `${message}: ${namesIn(dir)}`,
  );
  return is;
}

for (const truncation of cases) {
  for (const directorySync of [true, false]) {
    test(
      `${truncation.what}: the process dies after any operation (directorySync: ${directorySync})`,
      inTemp(async (dir) => {
        const before = await prepare(dir, truncation);
        const outcomes: string[] = [];
        for (let count = 0; ; count++) {
          const crashed = join(dir, `crash-${count}`);
          cpSync(before, crashed, { recursive: true });
          const files = new WatchedFiles();
          const log = await openLog(crashed, { files, directorySync, segmentBytes: truncation.segmentBytes });
          const opened = files.done.length;
          files.before = () => {
            if (files.done.length - opened >= count) throw new Error('died');
          };
          const died = await truncation.run(log).then(
            () => false,
            () => true,
          );
          await log.close();
          if (!died) break;
          outcomes.push(await checkRecovery(crashed, truncation, `died after ${count} operations`));
        }
        // Make, write, sync and rename the START; from then on the truncation has happened.
        assert.is(outcomes.indexOf('after'), 4, outcomes.join());
        assert.ok(outcomes.length > 5, 'it died after that as well');
        assert.not.ok(outcomes.slice(4).includes('before'), outcomes.join());
      }),
    );
  }
}

/** The names of a directory, each with the content of its file once it is synced. */
type Names = ReadonlyMap<string, Buffer>;

/**
 * Every set of names that a power cut can leave: the operations up to a point, and any subset of
 * the unsynced ones.
 */
function* powerCuts(start: Names, operations: readonly Operation[]): Generator<{ names: Names; what: string }> {
  const contents = new Map<string, Buffer>(start);
  let synced: Map<string, Buffer> = new Map(start);
  let pending: { apply: (names: Map<string, Buffer>) => void; what: string }[] = [];
  const emit = function* () {
    for (let mask = 0; mask < 1 << pending.length; mask++) {
      const names = new Map(synced);
      const applied = pending.filter((_, i) => mask & (1 << i));
      for (const { apply } of applied) apply(names);
      yield { names, what: applied.map(({ what }) => what).join(', ') };
    }
  };
  for (const { kind, path, to, data } of operations) {
    const name = basename(path);
    if (kind === 'open') {
      contents.set(name, Buffer.alloc(0));
      pending.push({ what: `make ${name}`, apply: (names) => names.set(name, contents.get(name)!) });
    } else if (kind === 'write') {
      // Files are synced before they are renamed. An unsynced file may hold anything; here it holds
      // nothing, or everything.
      yield* emit();
      contents.set(name, Buffer.concat([contents.get(name)!, data!]));
    } else if (kind === 'rename') {
      const target = basename(to!);
      const content = contents.get(name)!;
      contents.set(target, content);
      contents.delete(name);
      pending.push({
        what: `${name} -> ${target}`,
        apply: (names) => {
          names.delete(name);
          names.set(target, content);
        },
      });
    } else if (kind === 'remove') {
      pending.push({ what: `remove ${name}`, apply: (names) => void names.delete(name) });
    } else if (kind === 'syncDirectory') {
      synced = new Map(synced);
      for (const { apply } of pending) apply(synced);
      pending = [];
    }
    yield* emit();
  }
}

for (const truncation of cases) {
  test(
    `${truncation.what}: power is cut at any time, and any subset of the unsynced directory changes is lost`,
    inTemp(async (dir) => {
      const before = await prepare(dir, truncation);
      const live = join(dir, 'live');
      cpSync(before, live, { recursive: true });
      const files = new WatchedFiles();
      const start = new Map(namesIn(live).map((name) => [name, readFileSync(join(live, 'log', name))] as const));
      await withLog(
        live,
        async (log) => {
          files.done.length = 0;
          await truncation.run(log);
        },
        { files, segmentBytes: truncation.segmentBytes },
      );
      const seen = new Set<string>();
      let outcomes = '';
      for (const { names, what } of powerCuts(start, files.done)) {
        const key = [...names].sort().join();
        if (seen.has(key)) continue;
        seen.add(key);
        const cut = join(dir, 'cut');
        rmSync(cut, { recursive: true, force: true });
        mkdirSync(join(cut, 'log'), { recursive: true });
        for (const [name, content] of names) writeFileSync(join(cut, 'log', name), content);
        outcomes += await checkRecovery(cut, truncation, what);
      }
      assert.ok(outcomes.includes('before') && outcomes.includes('after'), `${seen.size} states`);
    }),
  );
}

test(
  'START and END both exist: damage, nothing changes',
  inTemp(async (dir) => {
    await withLog(dir, (log) => appendAll(log, ['a', 'b']));
    for (const name of [`${s(2)}.START`, `${s(1)}.END`]) writeFileSync(join(dir, 'log', name), '\x01a');
    const before = readdirSync(join(dir, 'log'));
    const error = await refused(openLog(dir), 'LANESTORE_CORRUPT');
    assert.is(error.findings?.[0]?.kind, 'segment-names');
    assert.equal(readdirSync(join(dir, 'log')), before);
  }),
);

test(
  'damage in what an interrupted truncation left: the finding names the file as it is now',
  inTemp(async (dir) => {
    mkdirSync(join(dir, 'log'));
    const start = `${s(2)}.START`;
    writeFileSync(join(dir, 'log', start), Buffer.concat([Buffer.from('\x06#1:ab;'), Buffer.from('\x04#1:;')]));
    const error = await refused(openLog(dir, { codec: numberedCodec }), 'LANESTORE_CORRUPT');
    assert.equal(error.findings, [{ kind: 'number-gap', file: start, offset: 7, number: 1n, detail: '1 follows 1' }]);
    assert.equal(readdirSync(join(dir, 'log')), [start]);
  }),
);

test(
  'an END that the original left is finished: the segments after it are removed',
  inTemp(async (dir) => {
    await withLog(dir, (log) => appendAll(log, letters), { segmentBytes: 6 });
    writeFileSync(join(dir, 'log', `${s(4)}.END`), '\x01d\x01e');
    await withLog(dir, async (log) => assert.equal(await stateOf(log), state(1, letters.slice(0, 5))));
    assert.equal(namesIn(dir), [s(1), s(4)]);
  }),
);

test(
  'an old segment that overlaps the next one is a leftover of a truncation only if its bytes are the same',
  inTemp(async (dir) => {
    await withLog(dir, async (log) => {
      await appendAll(log, letters);
      await log.truncateBefore(5n);
    });
    const old = join(dir, 'log', s(1));
    writeFileSync(old, letters.map((letter) => `\x01${letter}`).join(''));
    await withLog(dir, async (log) => assert.equal(await stateOf(log), state(5, letters.slice(4))));
    writeFileSync(
      old,
      letters
        .map((letter) => `\x01${letter}`)
        .join('')
        .replace('i', 'x'),
    );
    const error = await refused(openLog(dir), 'LANESTORE_CORRUPT');
    assert.is(error.findings?.[0]?.kind, 'segment-overlap');
  }),
);

test.run();
