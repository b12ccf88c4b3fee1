/**
 * A crash before every file operation of the step from format 1 to format 2, and every power cut
 * there: the store is of format 1, and the step ends when it is run again, or it is of format 2,
 * with all votes, and closed. The same check finds a step that is not one durable batch.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, entryChecks, migrateStore, openLevel, openView } from '../../src/index.js';
import { buildShim, shimUnable } from '../faults/shim.js';
import { type CrashState, crashedAt, crashStates, firstWrong, inMemory } from '../faults/stepped.js';
import { type Patch, patchedBuild } from '../faults/weakened.js';
import { refused } from '../support/faults.js';
import { innerState } from '../support/inner.js';
import { proposalMsg } from '../support/vote-messages.js';
import { makeEmptyStore, unpackStore } from './stores-1580faa.js';

const test = suite('migrations: format 1 to 2, a crash at every file operation');

const OPTIONS = { model: autobahn, checks: entryChecks() };
const ALL = ['rounds', 'app', 'lanes', 'own'];
const STEP = 'src/migrations/step-1-2.js';
const WRITE = "await engine.write([tipPut, { type: 'put', key: SCHEMA_KEY, value: record.bytes }, ...rest]);";

/** The shipped write, in two batches: the first has the schema, and votes that are not the last. */
const twoBatches = (first: string) => `
  const event = { event: 'schema-step', from: 1, to: FORMAT };
  const begun = amended(tip, { votes: { ...votes, ${first} }, event });
  await engine.write([...begun.operations, { type: 'put', key: SCHEMA_KEY, value: record.bytes }]);
  await engine.write(amended(begun.tip, { votes, event }).operations);`;

/** Steps that are not one durable batch. Each ends with a sound store. */
const WEAKENED: readonly Patch[] = [
  {
    name: 'step with the schema before the votes',
    replacements: [{ file: STEP, find: WRITE, by: twoBatches('signer: undefined, logs: new Map()') }],
  },
  {
    name: 'step that closes all parts in a batch of its own',
    replacements: [{ file: STEP, find: WRITE, by: twoBatches('quarantine: undefined') }],
  },
  {
    name: 'step with the votes before the schema',
    replacements: [
      {
        file: STEP,
        find: WRITE,
        by: `
  await engine.write([tipPut, ...rest]);
  const [again, ...more] = amended(next.tip, { votes, event: { event: 'schema-step', from: 1, to: FORMAT } }).operations;
  await engine.write([again, { type: 'put', key: SCHEMA_KEY, value: record.bytes }, ...more]);`,
      },
    ],
  },
  {
    name: 'step that is not synced',
    replacements: [{ file: 'src/adapter/level/engine.js', find: 'sync: true', by: 'sync: false' }],
  },
];

/** The store: its format, what it keeps of votes without words and times, and its entries. */
async function seen(location: string) {
  await using view = await openView(location, { model: autobahn });
  assert.equal(view.findings, []);
  const { votes: kept, schema, tip, anchor, inner, cursors } = view;
  const votes = kept && {
    signer: kept.signer,
    logs: kept.logs,
    floors: kept.laneFloors,
    parts: kept.quarantine?.parts,
  };
  assert.is(tip?.votes === null, votes === undefined);
  return { format: schema?.format, votes, entries: [anchor, inner, cursors] };
}

type Seen = Awaited<ReturnType<typeof seen>>;

async function checkState(location: string, isEnded: boolean, before: Seen, after: Seen): Promise<number> {
  const found = await seen(location);
  assert.equal(found, found.format === 1 && !isEnded ? before : after);
  if (found.format === 1) {
    await refused(openLevel(location, { model: autobahn }), 'LANESTORE_SCHEMA');
    await migrateStore(location, OPTIONS);
    assert.equal(await seen(location), after);
  }
  await using store = await openLevel(location, { model: autobahn });
  assert.equal(store.votes?.durable.quarantine?.parts, ALL);
  const vote = proposalMsg('prepareVote', Number(store.cursors.commitQCs.next), 9, 0);
  await refused(store.persist({ votes: [vote] }), 'LANESTORE_QUARANTINED');
  return found.format ?? 0;
}

const unable = shimUnable();
if (unable !== undefined) {
  test('skipped', () => void process.stdout.write(`\n  skipped: ${unable}\n`));
} else {
  const STORES = {
    'values-killed': (location: string) => void unpackStore('values-killed', location),
    'never opened, with votes in its inner state': (location: string) => makeEmptyStore(location, innerState(3)),
  } as const;
  /** What the crashes of a build's step leave, with the store before it and after it. */
  const crashes = async (dir: string, make: (location: string) => unknown, build?: string) => {
    const location = join(dir, 'store');
    await make(location);
    const before = await seen(location);
    const worker = 'test/migrations/schema-worker.js';
    const url =
      build === undefined ? new URL('./schema-worker.js', import.meta.url) : pathToFileURL(join(build, worker));
    const states = await crashStates({ worker: url, location, library: buildShim(dir) });
    return { states, before, after: await seen(location), place: join(dir, 'crashed') };
  };

  for (const [name, make] of Object.entries(STORES)) {
    test(`${name}: of format 1 or of format 2, never between`, () =>
      inMemory(async (dir) => {
        const { states, before, after, place } = await crashes(dir, make);
        assert.equal([before.format, after.format], [1, 2]);
        assert.is(after.votes?.signer === undefined, name === 'values-killed');
        const formats: number[] = [];
        for (const { name: crash, image, isEnded } of states) {
          image.write(place);
          formats.push(await checkState(place, isEnded, before, after).catch(crashedAt(crash)));
        }
        assert.ok(formats.includes(1) && formats.includes(2) && states.length > 20, `${formats}`);
      }));
  }

  for (const patch of WEAKENED) {
    test(`the same check finds a ${patch.name}`, () =>
      inMemory(async (dir) => {
        const build = patchedBuild(patch);
        const make = STORES['never opened, with votes in its inner state'];
        const { states, before, after, place } = await crashes(dir, make, build);
        rmSync(build, { recursive: true });
        const check = ({ image, isEnded }: CrashState) => {
          image.write(place);
          return checkState(place, isEnded, before, after);
        };
        const wrong = await firstWrong(states, check);
        assert.ok(wrong !== undefined, `${states.length} states, and none of them is wrong`);
      }));
  }
}

test.run();
