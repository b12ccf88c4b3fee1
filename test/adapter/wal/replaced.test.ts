/**
 * A running store whose directories or files are moved or replaced, or whose lock is lost: it
 * acknowledges nothing more.
 */
import { closeSync, cpSync, existsSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyOpen } from '../../support/copy-open.js';
import { expiredLooks } from '../../support/expired-looks.js';
import { refused, tree } from '../../support/faults.js';
import { plainAnchor, plainBlock, plainQC } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';
import { contentOf, openPlain, type PlainStore, withStore } from './plain-store.js';

const test = suite('wal: a store whose directory is moved or replaced');

/** A round with a block and a CommitQC; every fifth round prunes. */
async function round(store: PlainStore, number: number): Promise<void> {
  const anchor = number > 0 && number % 5 === 0 ? { anchor: plainAnchor(number - 3, { '0a': number - 3 }) } : {};
  await store.persist({ ...anchor, blocks: [plainBlock('0a', number)], commitQCs: [plainQC(number)] });
}

/** A running store, and a closed copy of its state after half of the rounds. */
async function begun(dir: string): Promise<{ store: PlainStore; location: string; copy: string }> {
  const [location, copy] = [join(dir, 'state'), join(dir, 'copy')];
  await withStore(location, async (store) => {
    for (let number = 0; number < 8; number++) await round(store, number);
  });
  cpSync(location, copy, { recursive: true });
  const store = await openPlain(location, { segmentBytes: 300 });
  for (let number = 8; number < 12; number++) await round(store, number);
  return { store, location, copy };
}

/**
 * Persists rounds until the store refuses, with a cause that matches `place`. Returns the number of
 * acknowledged rounds.
 */
async function writesUntilRefused(store: PlainStore, from: number, place: RegExp): Promise<number> {
  await expiredLooks();
  for (let number = from; number < from + 20_000; number++) {
    try {
      await round(store, number);
    } catch (error) {
      const failure = await refused(Promise.reject(error), 'LANESTORE_FAILED', place);
      assert.match((failure.cause as Error).message, place);
      await refused(round(store, number), 'LANESTORE_FAILED');
      return number - from;
    }
  }
  throw new Error('20,000 rounds were acknowledged');
}

test(
  'by an older copy in the place of its directory acknowledges nothing more, and does not change the copy',
  inTemp(async (dir) => {
    const { store, location, copy } = await begun(dir);
    renameSync(location, join(dir, 'old'));
    renameSync(copy, location);
    const before = tree(location);
    assert.is(await writesUntilRefused(store, 12, /state is not what it was .*moved away/), 0);
    await store.close();
    assert.equal(tree(location), before);
    assert.is((await withStore(location, async (reopened) => contentOf(reopened))).cursors['0a'], '2-8');
    const old = await withStore(join(dir, 'old'), async (reopened) => contentOf(reopened));
    assert.ok(['7-12', '7-13'].includes(old.cursors['0a']!), old.cursors['0a']);
  }),
);

for (const [what, change] of Object.entries({
  'drops no lane': (store: PlainStore) => store.dropLanes(['0a']),
  'truncates no log': (store: PlainStore) => store.blocks.maybePruneAndPersistLane('0a', plainQC(9, { '0a': 10 }), []),
})) {
  test(
    `${what} in another directory, although no open file is written`,
    inTemp(async (dir) => {
      const { store, location } = await begun(dir);
      const twin = join(dir, 'twin');
      copyOpen(location, twin);
      renameSync(location, join(dir, 'old'));
      renameSync(twin, location);
      const before = tree(location);
      const failure = await refused(change(store), 'LANESTORE_FAILED', /is not what it was .*moved away/);
      assert.match((failure.cause as Error).message, /moved away/);
      await refused(round(store, 12), 'LANESTORE_FAILED');
      await store.close();
      assert.equal(tree(location), before);
    }),
  );
}

for (const part of ['blocks', 'blocks/0a', 'commitqcs', 'lock']) {
  test(
    `detects a replacement of ${part}/ alone by a copy`,
    inTemp(async (dir) => {
      const { store, location } = await begun(dir);
      const place = join(location, part);
      copyOpen(place, join(dir, 'copy-of-it'));
      renameSync(place, join(dir, 'away'));
      renameSync(join(dir, 'copy-of-it'), place);
      const before = tree(place);
      const acknowledged = await writesUntilRefused(store, 12, /is not what it was/);
      // No round is written there: that directory is checked periodically.
      if (part !== 'lock') assert.is(acknowledged, 0);
      await store.close();
      assert.equal(tree(place), before);
    }),
  );
}

test(
  'detects a file in use that is removed or replaced',
  inTemp(async (dir) => {
    for (const [i, harm] of [rmSync, (path: string) => writeFileSync(`${path}.new`, '')].entries()) {
      const { store, location } = await begun(join(dir, `${i}`));
      const log = join(location, 'blocks', '0a');
      for (const name of readdirSync(log)) {
        const path = join(log, name);
        harm(path);
        if (existsSync(`${path}.new`)) renameSync(`${path}.new`, path);
      }
      await writesUntilRefused(store, 12, /is not what it was/);
      await store.close();
    }
  }),
);

test(
  'detects a removed A/B file at the next anchor that is written into it',
  inTemp(async (dir) => {
    const { store, location } = await begun(dir);
    rmSync(join(location, 'avail_inner_a.pb'));
    rmSync(join(location, 'avail_inner_b.pb'));
    assert.is(await writesUntilRefused(store, 12, /avail_inner_[ab].pb is not what it was/), 3);
    await store.close();
  }),
);

test(
  'detects a lost lock, because the application opened LOCK and closed it',
  inTemp(async (dir) => {
    if (!existsSync('/proc/self/fdinfo')) return void process.stdout.write('\n  skipped: no /proc here\n');
    const { store, location } = await begun(dir);
    closeSync(openSync(join(location, 'lock', 'LOCK'), 'r'));
    await writesUntilRefused(store, 12, /the lock on .*LOCK is lost/);
    await store.close();
    await withStore(location, async () => {});
  }),
);

test(
  'keeps working when its directory was moved away and back meanwhile',
  inTemp(async (dir) => {
    const { store, location } = await begun(dir);
    renameSync(location, join(dir, 'away'));
    renameSync(join(dir, 'away'), location);
    for (let number = 12; number < 20; number++) await round(store, number);
    await store.close();
    assert.is((await withStore(location, async (reopened) => contentOf(reopened))).cursors['0a'], '12-20');
  }),
);

test.run();
