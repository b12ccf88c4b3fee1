/**
 * A backup made of hard links (`cp -al`) shares its files with the store. Neither of the two may
 * change what the other holds.
 */
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseWitness } from '../../src/adapter/level/format/witness.js';
import type { Persistence } from '../../src/adapter/persistence.js';
import { openWal } from '../../src/adapter/wal/index.js';
import { tree } from '../support/faults.js';
import { linkTree } from '../support/link-tree.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainQC,
} from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { big, openSmall } from './level/values/support.js';

const test = suite('hard-linked backups');

type Store = Persistence<PlainBlock, PlainQC, PlainAnchor> & AsyncDisposable;

/** Names of the files whose bytes have changed. */
function changes(dir: string, before: ReadonlyMap<string, string>): string[] {
  const now = tree(dir);
  return [...new Set([...before.keys(), ...now.keys()])].filter((name) => before.get(name) !== now.get(name));
}

/** Rounds [from, to) with every kind of entry; the last five rounds are retained. */
async function rounds(store: Store, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    await store.persist({
      ...(n < 5 ? {} : { anchor: plainAnchor(n - 5, { '0a': n - 5 }) }),
      inner: new Uint8Array([n]),
      blocks: [big('0a', n, n % 2 === 0 ? 5000 : 50)],
      commitQCs: [plainQC(n, { '0a': Math.max(0, n - 5) })],
    });
  }
}

/**
 * The newest entries of a store: inner, last block, last CommitQC. Checks that {@link rounds} wrote
 * all of them.
 */
function newestOf(store: Store): (bigint | number | undefined)[] {
  const { inner, blocks, commitQCs } = store.takeRecovered();
  for (const block of blocks.get('0a') ?? []) {
    assert.equal(block, big('0a', Number(block.number), block.number % 2n === 0n ? 5000 : 50));
  }
  return [inner?.[0], blocks.get('0a')?.at(-1)?.number, commitQCs.at(-1)?.index];
}

const newest = (n: number) => [n, BigInt(n), BigInt(n)];

const OPENERS: Record<string, (location: string) => Promise<Store>> = {
  level: (location) => openSmall(location),
  wal: (location) => openWal(location, { model: plain }),
};

for (const [name, open] of Object.entries(OPENERS)) {
  test(
    `${name}: the backup of a stopped store does not change, and store and backup can both be opened and written`,
    inTemp(async (dir) => {
      const [location, backup] = [join(dir, 'store'), join(dir, 'backup')];
      const run = async (at: string, from: number, to: number) => {
        await using store = await open(at);
        if (from > 0) assert.equal(newestOf(store), newest(from - 1), `${at} before round ${from}`);
        await rounds(store, from, to);
      };
      await run(location, 0, 10);
      linkTree(location, backup);
      const held = tree(backup);
      await run(location, 10, 20);
      assert.equal(changes(backup, held), []);
      await run(backup, 10, 13);
      await run(location, 20, 30);
      await run(backup, 13, 16);
      await using store = await open(location);
      assert.equal(newestOf(store), newest(29));
    }),
  );
}

test(
  'level: the witness gets another name while the store runs: the linked file is not written any more',
  inTemp(async (dir) => {
    const [location, backup] = [join(dir, 'store'), join(dir, 'witness-of-a-backup')];
    const witness = join(location, 'witness');
    {
      await using store = await OPENERS.level!(location);
      await rounds(store, 0, 10);
      linkSync(witness, backup);
      const held = readFileSync(backup);
      await rounds(store, 10, 13);
      assert.is(Buffer.compare(readFileSync(backup), held), 0, 'the other name has the earlier bytes');
      assert.is(statSync(witness).nlink, 1);
      assert.is(statSync(witness).size, 8192);
      assert.equal(readdirSync(location).sort(), ['level', 'values', 'witness']);
    }
    const [slot] = parseWitness(readFileSync(witness));
    const [before] = parseWitness(readFileSync(backup));
    assert.is((slot?.seq ?? 0n) - (before?.seq ?? 0n), 3n, 'rounds since');
    await using again = await OPENERS.level!(location);
    assert.equal(newestOf(again), newest(12));
  }),
);

test(
  'level: the leftover of a new witness after a crash is removed, without writing through a link',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    {
      await using store = await OPENERS.level!(location);
      await rounds(store, 0, 10);
    }
    const [left, secret] = [join(location, 'witness.new'), join(dir, 'secret')];
    writeFileSync(secret, 'precious');
    for (const [i, leave] of [() => writeFileSync(left, 'LSWITNS1'), () => symlinkSync(secret, left)].entries()) {
      leave();
      linkSync(join(location, 'witness'), join(dir, `backup-${i}`));
      await using store = await OPENERS.level!(location);
      assert.equal(readdirSync(location).sort(), ['level', 'values', 'witness']);
      assert.equal(newestOf(store), newest(9));
    }
    assert.is(readFileSync(secret, 'latin1'), 'precious');
  }),
);

test(
  'wal: every file gets another name while the store runs: no linked file is written any more',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    {
      await using store = await OPENERS.wal!(location);
      for (const [from, to] of [
        [0, 1], // one entry
        [1, 4],
        [4, 12], // with truncations
        [12, 13],
      ] as const) {
        const backup = join(dir, `backup-${from}`);
        mkdirSync(backup);
        for (const name of ['blocks', 'commitqcs']) if (from > 0) linkTree(join(location, name), join(backup, name));
        for (const name of ['avail_inner_a.pb', 'avail_inner_b.pb', 'inner_a.pb', 'inner_b.pb']) {
          if (from > 0) linkSync(join(location, name), join(backup, name));
        }
        const held = tree(backup);
        await rounds(store, from, to);
        assert.equal(changes(backup, held), [], `rounds ${from} to ${to}`);
      }
    }
    await using store = await OPENERS.wal!(location);
    assert.equal(newestOf(store), newest(12));
  }),
);

test(
  'wal: an emptied log with another name keeps its next index, and a torn tail stays in the backup',
  inTemp(async (dir) => {
    const [location, backup] = [join(dir, 'store'), join(dir, 'backup')];
    {
      await using store = await OPENERS.wal!(location);
      await rounds(store, 0, 10);
    }
    const log = join(location, 'commitqcs');
    const tail = join(log, readdirSync(log).sort().at(-1) as string);
    truncateSync(tail, statSync(tail).size - 1);
    linkTree(location, backup);
    const held = tree(backup);
    {
      await using store = await OPENERS.wal!(location);
      assert.equal(newestOf(store), [9, 9n, 8n]);
      // Drops every entry: the log is then an empty file whose name is the next index.
      await store.persist({ anchor: plainAnchor(20, { '0a': 20 }) });
      linkTree(join(location, 'blocks'), join(dir, 'blocks'));
      const blocks = tree(join(dir, 'blocks'));
      await store.persist({ blocks: [big('0a', 20)] });
      assert.equal(changes(join(dir, 'blocks'), blocks), []);
    }
    assert.equal(changes(backup, held), []);
    await using store = await OPENERS.wal!(location);
    assert.equal(store.takeRecovered().blocks.get('0a'), [big('0a', 20)]);
  }),
);

test.run();
