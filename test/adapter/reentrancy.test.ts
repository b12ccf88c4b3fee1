/**
 * Functions of a model and getters of entries call the store that is using them: nothing is stored
 * twice or in part.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { openNoop } from '../../src/adapter/noop.js';
import type { Persistence } from '../../src/adapter/persistence.js';
import { openWal } from '../../src/adapter/wal/index.js';
import type { Model } from '../../src/model/model.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
  plainBlocks,
  plainQC,
} from '../support/plain-model.js';
import { withTemp } from '../support/temp.js';

const test = suite('re-entrancy');

type Store = Persistence<PlainBlock, PlainQC, PlainAnchor>;
type PlainModel = Model<PlainBlock, PlainQC, PlainAnchor>;

const BACKENDS: Record<string, (dir: string, model: PlainModel) => Promise<Store>> = {
  level: (dir, model) => openLevel(dir, { model }),
  wal: (dir, model) => openWal(dir, { model }),
  noop: (_, model) => openNoop({ model }),
};

/** The plain model, in which the function `name` of `kind` calls `call` before its own work. */
function calling(kind: 'block' | 'commitQC' | 'anchor', name: string, call: () => void): PlainModel {
  const part = plain[kind] as unknown as Record<string, (...args: unknown[]) => unknown>;
  const wrapped = (...args: unknown[]) => {
    call();
    return part[name]!(...args);
  };
  return { ...plain, [kind]: { ...part, [name]: wrapped } };
}

const FUNCTIONS = [
  ['block', 'check'],
  ['block', 'lane'],
  ['block', 'number'],
  ['block', 'toBody'],
  ['block', 'toWire'],
  ['commitQC', 'index'],
  ['commitQC', 'laneStarts'],
  ['commitQC', 'toWire'],
  ['anchor', 'commitQC'],
  ['anchor', 'toBody'],
] as const;

const round = () => ({
  anchor: plainAnchor(0, { '0a': 1 }),
  commitQCs: [plainQC(1)],
  blocks: [plainBlock('0a', 2), ...plainBlocks('0b', 0, 2)],
});

/** The content of the store: numbers by lane, and road indexes. */
function cursorsOf({ cursors: { lanes, commitQCs } }: Store): string[] {
  const text = [...lanes].sort().map(([lane, { first, next }]) => `${lane} ${first}-${next}`);
  return [...text, `qc ${commitQCs.first}-${commitQCs.next}`];
}

const WHOLE = ['0a 1-3', '0b 0-2', 'qc 0-2'];

for (const [name, open] of Object.entries(BACKENDS)) {
  for (const [kind, part] of FUNCTIONS) {
    test(`${name}: ${kind}.${part} that persists or drops a lane is a TypeError for that call alone`, () =>
      withTemp(async (dir) => {
        const calls: Promise<unknown>[] = [];
        let store: Store | undefined;
        let isArmed = false;
        const model = calling(kind, part, () => {
          if (!isArmed || store === undefined) return;
          isArmed = false;
          for (const call of [store.persist({ blocks: [plainBlock('0a', 2)] }), store.dropLanes(['0b'])]) {
            calls.push(
              call.then(
                () => 'accepted',
                (error) => error,
              ),
            );
          }
        });
        store = await open(dir, model);
        await store.persist({ blocks: plainBlocks('0a', 0, 2) });
        isArmed = true;
        await store.persist(round());
        // This backend does not call every function of the model.
        assert.is(calls.length, isArmed ? 0 : 2);
        for (const error of await Promise.all(calls)) assert.instance(error, TypeError);
        assert.equal(cursorsOf(store), WHOLE);
        await store.close();
        if (name === 'noop') return;
        const again = await open(dir, plain);
        assert.equal(cursorsOf(again), WHOLE);
        await again.close();
      }));

    test(`${name}: ${kind}.${part} that closes the store: the round is stored as a whole`, () =>
      withTemp(async (dir) => {
        let closing: Promise<void> | undefined;
        let store: Store | undefined;
        let isArmed = false;
        const model = calling(kind, part, () => {
          if (isArmed) closing ??= store?.close();
        });
        store = await open(dir, model);
        await store.persist({ blocks: plainBlocks('0a', 0, 2) });
        isArmed = true;
        const outcome = await store.persist(round()).then(
          () => 'stored',
          (error) => error.code,
        );
        await (closing ?? store.close());
        assert.is(outcome, 'stored');
        if (name === 'noop') return;
        const again = await open(dir, plain);
        assert.equal(cursorsOf(again), WHOLE);
        await again.close();
      }));
  }

  test(`${name}: a model that uses another store`, () =>
    withTemp(async (dir) => {
      mkdirSync(join(dir, 'other'));
      const second = await open(join(dir, 'other'), plain);
      let inner: Promise<unknown> | undefined;
      const call = () => {
        inner ??= second.persist({ blocks: plainBlocks('0b', 0, 3) }).catch((error) => error);
      };
      const store = await open(join(dir, 'store'), calling('block', name === 'level' ? 'toBody' : 'lane', call));
      await store.persist({ blocks: plainBlocks('0a', 0, 2) });
      assert.instance(await inner, TypeError);
      assert.equal([cursorsOf(store), cursorsOf(second)], [['0a 0-2', 'qc 0-0'], ['qc 0-0']]);
      await store.close();
      await second.close();
    }));

  test(`${name}: a getter of an entry that persists`, () =>
    withTemp(async (dir) => {
      const store = await open(dir, plain);
      let inner: Promise<unknown> | undefined;
      const block = {
        ...plainBlock('0a', 0),
        get number() {
          inner ??= store.persist({ blocks: [plainBlock('0a', 0)] }).catch((error) => error);
          return 0n;
        },
      };
      await store.persist({ blocks: [block, plainBlock('0a', 1)] });
      assert.instance(await inner, TypeError);
      assert.equal(cursorsOf(store), ['0a 0-2', 'qc 0-0']);
      await store.close();
    }));
}

test.run();
