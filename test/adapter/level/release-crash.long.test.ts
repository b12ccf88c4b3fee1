/**
 * A crash before every file operation of a release, and every power cut there: it is done, with
 * its record, or it is not; no state lets a vote through that contradicts one that was given. The
 * same check finds a release that is not one durable batch, and one whose witness comes first.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openGuard, openLevel, openView, releaseStore, snapshot } from '../../../src/index.js';
import { buildShim, shimUnable } from '../../faults/shim.js';
import { type CrashState, crashedAt, crashStates, firstWrong, inMemory } from '../../faults/stepped.js';
import { type Patch, patchedBuild } from '../../faults/weakened.js';
import { plain, plainBlocks, plainQC, plainVote } from '../../support/plain-model.js';

const test = suite('release, a crash at every file operation');

const KEY = new Uint8Array(32).fill(7);
const AMEND = 'src/adapter/level/open/amend-store.js';
const WRITE = 'await engine.write(operations);';

const WEAKENED: readonly Patch[] = [
  {
    name: 'release in two batches',
    replacements: [
      {
        file: AMEND,
        find: WRITE,
        by: `
  const quarantine = { ...examined.records.votes.quarantine, parts: ['own'] };
  const begun = amended(tip, { ...amendment, votes: { ...amendment.votes, quarantine } });
  await engine.write(begun.operations);
  await engine.write(amended(begun.tip, amendment).operations);`,
      },
    ],
  },
  {
    name: 'release whose witness comes first',
    replacements: [{ file: AMEND, find: WRITE, by: `witness.write(next.seq); ${WRITE}` }],
  },
  {
    name: 'release that is not synced',
    replacements: [{ file: 'src/adapter/level/engine.js', find: 'sync: true', by: 'sync: false' }],
  },
];

/** A store that is closed, whose key has voted: a snapshot of one that signs. */
async function makeClosed(location: string): Promise<void> {
  const live = `${location}-live`;
  await using store = await openLevel(live, { model: plain });
  await using guard = await openGuard({ store, model: plain as never, key: KEY, firstUse: true });
  await store.persist({ commitQCs: [plainQC(0), plainQC(1)], blocks: plainBlocks('0a', 0, 5) });
  await guard.round({ votes: [plainVote('step', [1n, 1n])] as never });
  await snapshot(live, location, { model: plain });
}

/** A store that was created, by a process that died before it wrote the witness. */
async function makeCreated(location: string): Promise<void> {
  await (await openLevel(location, { model: plain })).close();
  rmSync(join(location, 'witness'));
}

/** Seq, votes, entries, and the record of the newest batch. */
async function seen(location: string) {
  await using view = await openView(location, { model: plain });
  assert.equal(view.findings, []);
  const { seq } = view.tip!;
  const event = await view.get(`meta/event/${String(seq).padStart(20, '0')}`);
  const isRecorded = event !== undefined && Buffer.from(event.value).toString('latin1').includes('a test');
  return { seq, votes: view.votes!, cursors: view.cursors, isRecorded };
}

type Seen = Awaited<ReturnType<typeof seen>>;

async function checkState(location: string, isEnded: boolean, before: Seen, after: Seen): Promise<boolean> {
  const found = await seen(location);
  const isDone = found.seq !== before.seq;
  assert.equal(found, isDone || isEnded ? after : before);
  {
    await using store = await openLevel(location, { model: plain });
    assert.equal(store.votes?.durable, found.votes);
    await using guard = await openGuard({ store, model: plain as never, key: KEY });
    const given = plainVote('step', [1n, 1n]);
    const verdicts = [given, { ...given, digest: new Uint8Array(32) }].map((vote) => guard.test(vote as never));
    const isGiven = after.votes.logs.has('step');
    assert.equal(verdicts, isDone ? (isGiven ? ['again', 'differs'] : ['new', 'new']) : CLOSED);
  }
  if (isDone) return true;
  const { signer } = before.votes;
  const options = { model: plain, reason: 'a test', asIs: true, ...(signer === undefined ? { signer: KEY } : {}) };
  await releaseStore(location, options);
  assert.equal((await seen(location)).votes, after.votes);
  return false;
}

const CLOSED = ['quarantined', 'quarantined'];

const unable = shimUnable();
if (unable !== undefined) {
  test('skipped', () => void process.stdout.write(`\n  skipped: ${unable}\n`));
} else {
  const STORES = { 'a snapshot': makeClosed, 'never opened, without a witness': makeCreated } as const;
  /** What the crashes of a build's release leave, with the store before it and after it. */
  const crashes = async (dir: string, make: (location: string) => Promise<void>, build?: string) => {
    const location = join(dir, 'store');
    await make(location);
    const before = await seen(location);
    const worker = 'test/adapter/level/release-worker.js';
    const url =
      build === undefined ? new URL('./release-worker.js', import.meta.url) : pathToFileURL(join(build, worker));
    const states = await crashStates({
      worker: url,
      location,
      library: buildShim(dir),
      args: [Buffer.from(KEY).toString('hex')],
    });
    return { states, before, after: await seen(location), place: join(dir, 'crashed') };
  };

  for (const [name, make] of Object.entries(STORES)) {
    test(`${name}: done or not, and no vote contradicts one that was given`, () =>
      inMemory(async (dir) => {
        const { states, before, after, place } = await crashes(dir, make);
        assert.equal([after.votes.quarantine, after.isRecorded, before.isRecorded], [undefined, true, false]);
        const done: boolean[] = [];
        for (const { name: crash, image, isEnded } of states) {
          image.write(place);
          done.push(await checkState(place, isEnded, before, after).catch(crashedAt(crash)));
        }
        assert.ok(done.includes(true) && done.includes(false) && states.length > 20, `${done}`);
      }));
  }

  for (const patch of WEAKENED) {
    test(`the same check finds a ${patch.name}`, () =>
      inMemory(async (dir) => {
        const build = patchedBuild(patch);
        const { states, before, after, place } = await crashes(dir, makeClosed, build);
        rmSync(build, { recursive: true });
        const check = ({ image, isEnded }: CrashState) => {
          image.write(place);
          return checkState(place, isEnded, before, after);
        };
        assert.ok(
          (await firstWrong(states, check)) !== undefined,
          `${states.length} states, and none of them is wrong`,
        );
      }));
  }
}

test.run();
