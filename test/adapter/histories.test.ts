/**
 * Random histories against a plain oracle: every answer, the recovered content after each reopen,
 * and the raw keys in the database.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { openNoop } from '../../src/adapter/noop.js';
import { withRaw } from '../support/faults.js';
import { HeldLevel, sweepingEnds } from '../support/held-level.js';
import { histories, SEED, type Step } from '../support/history.js';
import { type PlainStore, runHistory } from '../support/history-run.js';
import { plain } from '../support/plain-model.js';
import { withTemp } from '../support/temp.js';

const test = suite('model');

/** Runs `body` on random histories. A failure prints the seed; LANESTORE_SEED repeats it. */
function onHistories(
  arbitrary: fc.Arbitrary<Step[]>,
  numRuns: number,
  body: (steps: Step[]) => Promise<void>,
): Promise<void> {
  return fc.assert(fc.asyncProperty(arbitrary, body), { seed: SEED, numRuns, includeErrorInReport: true });
}

/**
 * A history on memory-level: after each reopen, once sweeping has ended, the raw keys equal the
 * oracle's.
 */
async function onMemory(steps: readonly Step[], turnsPerWrite: number): Promise<void> {
  const db = new HeldLevel();
  db.delay(turnsPerWrite);
  await runHistory(steps, {
    open: (load) => openLevel({ db, model: plain, load, maxMergeBytes: 4096 }),
    opened: async (expected) => {
      await sweepingEnds(db);
      assert.equal([...(await db.content()).keys()], expected.keys(), 'raw keys');
    },
  });
  assert.equal(db.violations, []);
  await db.close();
}

test('memory-level, immediate writes', () =>
  onHistories(histories({ stepsMax: 20 }), 150, (steps) => onMemory(steps, 0)));

test('memory-level, slow writes, so that rounds queue up', () =>
  onHistories(histories({ stepsMax: 20 }), 150, (steps) => onMemory(steps, 2)));

test('memory-level, with lanes too long for one batch: sweeps and slow drops', () =>
  onHistories(histories({ stepsMax: 10, bursts: true }), 30, (steps) => onMemory(steps, 1)));

/** Small value files, so that files fill up, are collected and are reused within one history. */
const VALUE_FILES = { fileBytes: 8192, waitBytesMin: 1 };

for (const [name, runs, values] of [
  ['LevelDB', 15, undefined],
  ['LevelDB, every block in a value file', 6, { ...VALUE_FILES, valueBytesMin: 1, batchBytesMin: 1 }],
  ['LevelDB, some blocks in value files', 6, { ...VALUE_FILES, valueBytesMin: 50, batchBytesMin: 150 }],
] as const) {
  test(name, () =>
    onHistories(histories({ stepsMax: 12 }), runs, (steps) =>
      onDisk(steps, (location, load) =>
        openLevel(location, { model: plain, load, ...(values === undefined ? {} : { values }) }),
      ),
    ),
  );
}

function onDisk(steps: readonly Step[], open: (location: string, load: boolean) => Promise<PlainStore>): Promise<void> {
  return withTemp(async (location) => {
    await runHistory(steps, {
      open: (load) => open(location, load),
      closed: async (expected) => {
        const keys = await withRaw(location, (db) => db.keys().all());
        assert.equal(keys, expected.keys(), 'raw keys');
      },
    });
  });
}

test('the backend that stores nothing gives the same answers while it is open', () =>
  onHistories(histories({ stepsMax: 20 }), 150, async (steps) => {
    const whileOpen = steps.flatMap((step) => (step.kind === 'calls' ? [{ ...step, close: false }] : []));
    // The backend loses everything at close, so the history is one session, closed by hand.
    const store: PlainStore = await openNoop({ model: plain });
    const kept: PlainStore = new Proxy(store, {
      get: (target, name) => {
        if (name === 'close') return async () => undefined;
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await runHistory(whileOpen, { open: async () => kept, forgets: true });
    await store.close();
  }));

test.run();
