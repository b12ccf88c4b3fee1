/**
 * A crash after any batch: the store opens, its content is the result of a prefix of the accepted
 * calls, and this prefix includes every call that was acknowledged by then.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../../../src/adapter/level/index.js';
import { HeldLevel, onHeld, writeRaw } from '../../../support/held-level.js';
import { histories, SEED, type Step } from '../../../support/history.js';
import { runHistory } from '../../../support/history-run.js';
import { describe } from '../../../support/oracle.js';
import { plain, plainBlock, plainBlocks, plainQC } from '../../../support/plain-model.js';

const test = suite('queue: crash');

/**
 * The trace of a history: all batches, the state after each accepted call, and the number of
 * batches at the time when the call settled.
 */
interface Trace {
  readonly db: HeldLevel;
  readonly states: readonly string[];
  readonly batchesAtSettling: readonly number[];
}

async function trace(steps: readonly Step[]): Promise<Trace> {
  const db = new HeldLevel();
  db.delay(1);
  const states = ['']; // before the first call; set below
  const batchesAtSettling: number[] = [];
  await runHistory(steps, {
    open: (load) => openLevel({ db, model: plain, load, maxMergeBytes: 300 }),
    opened: async (state) => {
      if (states[0] === '') states[0] = state.describe();
    },
    observer: {
      accepted: (state) => void states.push(state.describe()),
      settled: (n) => {
        batchesAtSettling[n] = db.batches.length;
      },
    },
  });
  return { db, states, batchesAtSettling };
}

/** The content and the cursors of a store that opens on `db`. */
async function shown(db: HeldLevel): Promise<string> {
  const store = await openLevel({ db, model: plain });
  const state = describe(store.takeRecovered(), store.cursors);
  await store.close();
  return state;
}

async function assertPrefixes({ db, states, batchesAtSettling }: Trace): Promise<void> {
  const crashed = await db.replay(1);
  for (let batches = 1; batches <= db.batches.length; batches++) {
    if (batches > 1) await writeRaw(crashed, db.batches[batches - 1]!);
    const actual = await shown(crashed);
    // The count at settling may include a batch that was in flight, so `<=` selects only calls that
    // had certainly settled.
    const acknowledged = batchesAtSettling.filter((count) => count <= batches).length;
    const reached = states.lastIndexOf(actual);
    assert.ok(reached >= 0, `after ${batches} batches the store is in no state between two calls:\n${actual}`);
    assert.ok(
      reached >= acknowledged,
      `after ${batches} batches ${acknowledged} calls were acknowledged, ${reached} are there`,
    );
    assert.is(crashed.batches.length, 0, 'opening writes nothing');
  }
  await crashed.close();
}

test('random histories, a crash after each of their batches', () =>
  fc.assert(
    fc.asyncProperty(histories({ stepsMax: 8 }), async (steps) => {
      const traced = await trace(steps);
      await assertPrefixes(traced);
      await traced.db.close();
    }),
    { seed: SEED, numRuns: 60, includeErrorInReport: true },
  ));

test(
  'a batch that is in flight is there as a whole or not at all: all its rounds, on all lanes',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 3) });
    db.hold();
    const rounds = ['0a', '0b', '0c'].map((lane) => store.persist({ blocks: [plainBlock(lane, 3)] }));
    rounds.push(store.commitQCs.maybePruneAndPersist(undefined, [plainQC(0)]));
    await db.held();
    const without = await shown(await db.crashed());
    db.hold('after');
    db.step();
    await db.held();
    const withIt = await shown(await db.crashed());
    assert.match(without, /qc \[0,0\) \n0a \[0,3\) [^\n]*$/);
    assert.match(withIt, /qc \[0,1\) [^\n]*\n0a \[0,4\) [^\n]*\n0b \[3,4\) [^\n]*\n0c \[3,4\) [^\n]*$/);
    db.release();
    await Promise.all(rounds);
    await store.close();
  }),
);

test(
  'a batch that is lost in the middle is detected at open, by the tip of a later one',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 3), inner: new Uint8Array([1]) });
    await store.persist({ blocks: plainBlocks('0a', 3, 5), inner: new Uint8Array([2]), commitQCs: [plainQC(0)] });
    await store.persist({ blocks: plainBlocks('0b', 0, 2) });
    await store.close();
    for (const lost of [1, 2]) {
      const crashed = await db.replay(lost);
      for (const batch of db.batches.slice(lost + 1)) await writeRaw(crashed, batch);
      let code: unknown;
      await openLevel({ db: crashed, model: plain }).catch((error: { code: string }) => {
        code = error.code;
      });
      assert.is(code, 'LANESTORE_CORRUPT', `batch ${lost}`);
      await crashed.close();
    }
  }),
);

test.run();
