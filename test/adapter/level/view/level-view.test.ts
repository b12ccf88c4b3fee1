/**
 * The offline view shows the content of a store, sound or damaged, and changes neither the store
 * nor its lock.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView } from '../../../../src/adapter/level/index.js';
import { blockKey, commitQCKey } from '../../../../src/keys/index.js';
import { contentOf } from '../../../support/content.js';
import { findingLines, flipped, rawBatch, rawGet, refused, tree } from '../../../support/faults.js';
import { withTmpfs } from '../../../support/faults-mount.js';
import { runWorker, spawnWorker } from '../../../support/kill.js';
import { plain, plainAnchor, plainBlock, plainBlocks, plainQC } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { numbersOf, type PlainView, textOf } from './seen.js';

const OPEN_WORKER = new URL('../../../support/open-worker.js', import.meta.url);
const VIEW_WORKER = new URL('./view-worker.js', import.meta.url);

/** Without a watermark: some of the disks here are tiny. */
const open = (location: string) => openLevel(location, { model: plain, minFreeBytes: 0 });
const look = (location: string) => openView(location, { model: plain });

/** Lane 0a [3, 8), lane 0b [1, 4), lane 0c [2, 2), CommitQCs [2, 5), an anchor at 2. */
async function makeStore(location: string): Promise<void> {
  await using store = await open(location);
  await store.persist({
    commitQCs: [0, 1, 2, 3, 4].map((index) => plainQC(index)),
    blocks: [...plainBlocks('0a', 0, 8), ...plainBlocks('0b', 0, 4), ...plainBlocks('0c', 0, 2)],
  });
  await store.persist({
    inner: new TextEncoder().encode('votes'),
    anchor: plainAnchor(2, { '0a': 3, '0b': 1, '0c': 2 }),
  });
}

async function keysOf(view: PlainView): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of view.entries()) keys.push(key);
  return keys;
}

const sound = suite('a view of a sound store');

sound(
  'places: the keys, sizes and places of entries, of inline and of separated values, in any range',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    {
      const values = { batchBytesMin: 1, valueBytesMin: 1000, waitBytesMin: 1 };
      await using store = await openLevel(location, { model: plain, minFreeBytes: 0, values });
      const blocks = [0, 1, 2].map((number) => plainBlock('0a', number, Buffer.alloc(number * 5000, number)));
      await store.persist({ blocks, commitQCs: [plainQC(0)] });
    }
    await using view = await look(location);
    const expected = [];
    for await (const { key, value, stored } of view.entries()) expected.push({ key, bytes: value.length, stored });
    const places = [];
    for await (const place of view.places()) places.push(place);
    assert.equal(places, expected);
    assert.ok(places.some(({ stored }) => stored !== 'inline') && places.some(({ stored }) => stored === 'inline'));
    const one = [];
    for await (const { key } of view.places({ gte: blockKey('0a', 1n), lt: blockKey('0a', 2n) })) one.push(key);
    assert.equal(one, [blockKey('0a', 1n)]);
  }),
);

sound(
  'shows the content that an open recovers, and the files; the location is unchanged, with no new name',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const before = tree(dir);
    const view = await look(location);
    assert.equal(
      tree(location),
      new Map(
        [...before].filter(([name]) => name.startsWith('store/')).map(([name, digest]) => [name.slice(6), digest]),
      ),
    );
    const text = await textOf(view);
    assert.is(view.location, location);
    assert.equal([view.findings, view.findingsTotal, view.refusal, view.tries], [[], 0, undefined, 1]);
    assert.equal([view.tip?.seq, view.schema?.model, view.witness.verdict], [2n, 'plain/1', 'equal']);
    assert.equal(
      view.witness.slots.map(({ seq }) => seq),
      [2n, 1n],
    );
    assert.equal(view.cursors.lanes.get('0a'), { first: 3n, next: 8n, swept: 3n });
    // Five of lane 0a, three of lane 0b, three CommitQCs, the anchor, inner and votes.
    assert.is(view.records, 14);
    assert.equal((await keysOf(view)).slice(0, 3), ['anchor', 'inner', blockKey('0a', 3n)]);
    assert.equal(await view.block('0a', 7n), plainBlock('0a', 7));
    assert.is(await view.block('0a', 8n), undefined);
    assert.equal(await view.commitQC(4n), plainQC(4));
    assert.is(await view.get('lane/'), undefined);
    const entry = await view.get(blockKey('0b', 1n));
    assert.equal([entry?.stored, entry?.finding], ['inline', undefined]);
    assert.is(await numbersOf(view.blocks('0a', { from: 5n, to: 7n })), '5 6');
    assert.is(await numbersOf(view.commitQCs({ to: 3n })), '2');
    assert.is(await numbersOf(view.blocks('ff')), '');
    assert.equal(
      view.files.map(({ name }) => name),
      [...before.keys()].filter((name) => before.get(name) !== 'directory').map((name) => name.slice(6)),
    );
    assert.is(view.files.find(({ name }) => name === 'witness')?.bytes, 8192);
    await view.close();
    await view.close();
    assert.equal(tree(dir), before);
    await using store = await open(location);
    assert.is(text, contentOf(store));
  }),
);

sound(
  'in the process of the node: the lock stays held, the node keeps writing, the view does not change',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    await using store = await open(location);
    await store.persist({ blocks: [plainBlock('0a', 8)] });
    {
      await using view = await look(location);
      await store.persist({ blocks: plainBlocks('0a', 9, 12) });
      assert.is(await numbersOf(view.blocks('0a')), '3 4 5 6 7 8');
      await using second = await look(location);
      assert.is(await numbersOf(second.blocks('0a')), '3 4 5 6 7 8 9 10 11');
      const { lines } = await runWorker(OPEN_WORKER, [location]);
      assert.match(lines.at(-1) ?? '', /LANESTORE_LOCKED/);
    }
    const { lines } = await runWorker(OPEN_WORKER, [location]);
    assert.match(lines.at(-1) ?? '', /LANESTORE_LOCKED/);
    assert.equal(readdirSync(dir), ['store']);
    await store.persist({ blocks: [plainBlock('0a', 12)] });
  }),
);

sound(
  'tables are linked, not copied, and the links are removed with the view',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    // The second open writes the log of the first one as a table.
    await makeStore(location);
    await (await open(location)).close();
    const tables = () => readdirSync(join(location, 'level')).filter((name) => name.endsWith('.ldb'));
    const links = () => tables().map((name) => statSync(join(location, 'level', name)).nlink);
    assert.ok(tables().length > 0);
    const view = await look(location);
    assert.equal(new Set(links()), new Set([2]));
    await view.close();
    assert.equal(new Set(links()), new Set([1]));
  }),
);

sound(
  'stale entries are shown on request',
  inTemp(async (dir) => {
    const store = await open(join(dir, 'store'));
    await store.persist({ blocks: plainBlocks('0a', 0, 6000) });
    // More than one batch deletes: the rest is left to the sweeper, which close() stops after
    // its first step.
    const pruned = store.persist({ anchor: plainAnchor(0, { '0a': 5990 }) });
    const closed = store.close();
    await pruned;
    await closed;
    await using view = await look(join(dir, 'store'));
    const { first, next, swept } = view.cursors.lanes.get('0a')!;
    assert.equal([first, next, swept < first], [5990n, 6000n, true]);
    assert.equal(view.findings, []);
    assert.is((await numbersOf(view.blocks('0a'))).split(' ').length, 10);
    const all = (await numbersOf(view.blocks('0a', { stale: true }))).split(' ');
    assert.equal(
      [all[0], all.at(-11), all.at(-10), all.length],
      [`(${swept})`, '(5989)', '5990', 6000 - Number(swept)],
    );
    assert.equal(await view.block('0a', swept), plainBlock('0a', swept));
  }),
);

sound(
  'of an empty store',
  inTemp(async (dir) => {
    await (await open(join(dir, 'store'))).close();
    await using view = await look(join(dir, 'store'));
    assert.equal([view.tip?.seq, view.records, view.findings, view.refusal], [0n, 1, [], undefined]);
    assert.equal(await keysOf(view), ['meta/schema', 'meta/tip', 'votes']);
  }),
);

const places = suite('where a view puts its copy');

places(
  'the leftover of a killed process is removed by the next view, the copy of a running process is not',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const killed = spawnWorker(VIEW_WORKER, [location]);
    const running = spawnWorker(VIEW_WORKER, [location]);
    for (const child of [killed, running]) assert.is(await child.line(() => true), 'open 2');
    const copies = () => readdirSync(dir).filter((name) => name.startsWith('store.copy-'));
    const [first, second] = [killed, running].map(({ process: { pid } }) =>
      copies().find((name) => name.startsWith(`store.copy-${pid}-`)),
    );
    assert.ok(first !== undefined && second !== undefined);
    killed.process.kill('SIGKILL');
    await killed.ended;
    assert.equal(copies().sort(), [first, second].sort());
    // Not a name that a view makes, so it stays.
    mkdirSync(join(dir, 'store.copy-of-mine'));
    await (await look(location)).close();
    assert.equal(copies().sort(), [second, 'store.copy-of-mine'].sort());
    running.process.kill('SIGKILL');
    await running.ended;
    await using store = await open(location);
    assert.equal(store.cursors.lanes.get('0a'), { first: 3n, next: 8n });
  }),
);

places(
  'in a given directory; on another file system tables are copied',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    await (await open(location)).close();
    mkdirSync(join(dir, 'here'));
    {
      await using view = await openView(location, { model: plain, directory: join(dir, 'here') });
      assert.is(readdirSync(join(dir, 'here')).length, 1);
      assert.is(await numbersOf(view.blocks('0b')), '1 2 3');
    }
    assert.equal(readdirSync(join(dir, 'here')), []);
    await withTmpfs('a view on another file system', join(dir, 'other'), '64m', async () => {
      await using view = await openView(location, { model: plain, directory: join(dir, 'other') });
      assert.is(await numbersOf(view.blocks('0b')), '1 2 3');
      const links = readdirSync(join(location, 'level')).map((name) => statSync(join(location, 'level', name)).nlink);
      assert.equal(new Set(links), new Set([1]));
    });
  }),
);

places(
  'a full or absent directory, or one in the location, is refused',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    await refused(
      openView(location, { model: plain, directory: join(dir, 'absent') }),
      'LANESTORE_IO',
      /no copy can be made/,
    );
    for (const inside of [location, join(location, 'level')]) {
      await refused(openView(location, { model: plain, directory: inside }), 'LANESTORE_INVALID', /inside/);
    }
    assert.equal(readdirSync(dir), ['store']);
    await withTmpfs('a view in a full file system', join(dir, 'small'), '64k', async () => {
      writeFileSync(join(dir, 'small', 'filler'), new Uint8Array(60 * 1024));
      await refused(openView(location, { model: plain, directory: join(dir, 'small') }), 'LANESTORE_IO');
      assert.equal(readdirSync(join(dir, 'small')), ['filler']);
    });
  }),
);

places(
  'a location that is the root of its file system can be read',
  inTemp(async (dir) => {
    await withTmpfs('a store in the root of a file system', join(dir, 'mount'), '64m', async () => {
      await makeStore(join(dir, 'mount'));
      await using view = await look(join(dir, 'mount'));
      assert.is(await numbersOf(view.blocks('0b')), '1 2 3');
    });
  }),
);

const damage = suite('a view of a damaged store');

/** Opens a view, and checks that its findings and its refusal equal those of opening the store. */
async function lookAtDamage(location: string, look_: (view: PlainView) => Promise<void> | void): Promise<void> {
  const before = tree(location);
  {
    await using view = await look(location);
    assert.equal(tree(location), before);
    const error = await refused(open(location), view.refusal?.code ?? 'LANESTORE_CORRUPT');
    assert.equal(view.refusal?.message, error.message);
    assert.equal(findingLines(view), findingLines(error));
    assert.is(view.findingsTotal, view.findings.length);
    await look_(view);
  }
}

damage(
  'missing, rotten and stray records: listed, the rest is shown',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const rotten = flipped(await rawGet(location, blockKey('0a', 5n)), 300);
    await rawBatch(location, [
      { type: 'del', key: blockKey('0a', 4n) },
      { type: 'put', key: blockKey('0a', 5n), value: rotten },
      { type: 'put', key: blockKey('0a', 9n), value: rotten },
      { type: 'put', key: 'nonsense', value: rotten },
      { type: 'del', key: commitQCKey(3n) },
    ]);
    await lookAtDamage(location, async (view) => {
      assert.is(view.findingsTotal, 5);
      assert.is(await numbersOf(view.blocks('0a')), '3 5:record-crc 6 7');
      assert.is(await numbersOf(view.blocks('0a', { stale: true })), '3 5:record-crc 6 7 (9:record-crc)');
      assert.is(await numbersOf(view.commitQCs()), '2 4');
      await refused(view.block('0a', 5n), 'LANESTORE_CORRUPT');
      const wrong: string[] = [];
      for await (const { key, finding } of view.entries())
        if (finding !== undefined) wrong.push(`${key} ${finding.kind}`);
      assert.equal(wrong, [`${blockKey('0a', 5n)} record-crc`, `${blockKey('0a', 9n)} stray`, 'nonsense stray']);
      assert.equal(view.anchor, plainAnchor(2, { '0a': 3, '0b': 1, '0c': 2 }));
    });
  }),
);

damage(
  'a rotten tip, schema, anchor',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    for (const [key, see] of [
      ['meta/tip', (view: PlainView) => assert.equal([view.tip, view.witness.verdict], [undefined, 'unknown'])],
      ['anchor', (view: PlainView) => assert.equal([view.anchor, view.tip?.seq], [undefined, 2n])],
      ['meta/schema', (view: PlainView) => assert.equal([view.schema, view.tip?.seq], [undefined, 2n])],
    ] as const) {
      const whole = await rawGet(location, key);
      await rawBatch(location, [{ type: 'put', key, value: flipped(whole, 100) }]);
      await lookAtDamage(location, async (view) => {
        see(view);
        assert.is((await keysOf(view)).length, 16);
      });
      await rawBatch(location, [{ type: 'put', key, value: whole }]);
    }
    await using view = await look(location);
    assert.is(view.refusal, undefined);
  }),
);

damage(
  'a witness that is ahead, of another store, missing, torn',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const [witness, level, old] = [join(location, 'witness'), join(location, 'level'), join(dir, 'old')];
    await makeStore(location);
    await lookAtDamageOf(() => {
      writeFileSync(witness, new Uint8Array(100));
    }, 'damaged');
    await lookAtDamageOf(() => rmSync(witness), 'damaged');
    writeFileSync(witness, new Uint8Array(8192));
    {
      await using view = await look(location);
      assert.equal([view.witness.verdict, view.refusal, view.notes.length], ['torn', undefined, 1]);
    }
    cpSync(level, `${level}.away`, { recursive: true });
    await lookAtDamageOf(async () => {
      await using store = await open(location);
      await store.persist({ blocks: [plainBlock('0b', 4)] });
      await store.close();
      rmSync(level, { recursive: true });
      renameSync(`${level}.away`, level);
    }, 'ahead');
    writeFileSync(witness, new Uint8Array(8192));
    await makeStore(old);
    await lookAtDamageOf(async () => {
      await (await open(location)).close();
      renameSync(level, `${level}.away`);
      renameSync(join(old, 'level'), level);
    }, 'other-store');
    renameSync(level, join(old, 'level'));
    renameSync(`${level}.away`, level);
    await using view = await look(location);
    assert.is(view.witness.verdict, 'equal');

    async function lookAtDamageOf(break_: () => void | Promise<void>, verdict: PlainView['witness']['verdict']) {
      await break_();
      await lookAtDamage(location, (view) => assert.is(view.witness.verdict, verdict));
    }
  }),
);

damage(
  'a database that is gone, or lacks CURRENT: nothing can be read, but files and witness are shown',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    rmSync(join(location, 'level', 'CURRENT'));
    const show = async (view: PlainView) => {
      assert.equal(await keysOf(view), []);
      assert.is(await view.block('0a', 3n), undefined);
      assert.equal([view.tip, view.witness.slots.length], [undefined, 2]);
      assert.ok(view.files.some(({ name }) => name === 'witness'));
    };
    await lookAtDamage(location, show);
    rmSync(join(location, 'level'), { recursive: true });
    await lookAtDamage(location, async (view) => {
      await show(view);
      assert.is(view.refusal?.code, 'LANESTORE_ROLLED_BACK');
    });
  }),
);

damage(
  'a table, MANIFEST or log that is missing: named, without waiting for it',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    await (await open(location)).close();
    const names = readdirSync(join(location, 'level'));
    const away = join(dir, 'away');
    for (const [pattern, kind] of [
      [/\.ldb$/, 'table-missing'],
      [/^MANIFEST/, 'manifest-missing'],
      [/\.log$/, 'log-missing'],
    ] as const) {
      const name = names.find((candidate) => pattern.test(candidate))!;
      renameSync(join(location, 'level', name), away);
      {
        await using view = await look(location);
        const found = view.findings.find((finding) => finding.kind === kind);
        assert.is(found?.file, `level/${name}`);
        assert.is(view.refusal?.code, 'LANESTORE_CORRUPT');
        assert.not.ok(existsSync(join(location, 'level', name)));
      }
      renameSync(away, join(location, 'level', name));
    }
    await using view = await look(location);
    assert.is(view.refusal, undefined);
  }),
);

damage(
  'a location without a store, or with another model: refused, and nothing is made',
  inTemp(async (dir) => {
    const otherModel = { ...plain, name: 'other/1' };
    await refused(look(join(dir, 'absent')), 'LANESTORE_NOT_A_STORE', /does not exist/);
    mkdirSync(join(dir, 'empty'));
    await refused(look(join(dir, 'empty')), 'LANESTORE_NOT_A_STORE', /holds no store/);
    writeFileSync(join(dir, 'file'), '');
    await refused(look(join(dir, 'file')), 'LANESTORE_NOT_A_STORE', /not a directory/);
    mkdirSync(join(dir, 'foreign'));
    writeFileSync(join(dir, 'foreign', 'something'), '');
    await refused(look(join(dir, 'foreign')), 'LANESTORE_NOT_A_STORE', /something/);
    await makeStore(join(dir, 'store'));
    await refused(openView(join(dir, 'store'), { model: otherModel }), 'LANESTORE_SCHEMA', /other\/1/);
    assert.equal(readdirSync(dir).sort(), ['empty', 'file', 'foreign', 'store']);
  }),
);

sound.run();
places.run();
damage.run();
