/**
 * Reuse of value files: a file is never reused while a reader needs it, never under an old number,
 * and never while another name links to it.
 */
import { linkSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { valueFileName } from '../../../../src/adapter/level/values/names.js';
import { plainAnchor } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { WatchedFiles } from '../../wal/watched-files.js';
import { big, openSmall, placeOf, run, SMALL_FILES, valueFiles } from './support.js';

const test = suite('separated values: reuse');

test(
  'a free file gets a new number, and its bytes are overwritten',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const store = await openSmall(dir, { files });
    await run(store, '0a', 0, 60, 5);
    await store.close();
    const renames = files.log.filter((line) => line.startsWith('rename') && !line.includes('preparing'));
    assert.ok(renames.length >= 3, `${renames.length} files were reused`);
    const numbers = files.done.flatMap(({ kind, to }) => (kind === 'rename' && to ? [to] : []));
    assert.is(new Set(numbers).size, numbers.length, 'no number is used twice');
    await using again = await openSmall(dir);
    assert.equal(
      again.takeRecovered().blocks.get('0a'),
      Array.from({ length: 5 }, (_, i) => big('0a', 55 + i)),
    );
  }),
);

test(
  'a name is durable before anything is written under it',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const store = await openSmall(dir, { files });
    await run(store, '0a', 0, 40, 5);
    await store.close();
    const durable = new Set<string>();
    let named: string[] = [];
    for (const { kind, path, to } of files.done) {
      if (kind === 'rename') named.push(to ?? '');
      if (kind === 'syncDirectory') for (const name of named.splice(0)) durable.add(name);
      if (kind === 'write' && path.endsWith('.values')) assert.ok(durable.has(path), path);
      if (kind === 'rename') assert.not.ok(durable.has(to ?? ''), 'no name is used again');
    }
    named = [];
    assert.ok(durable.size > 5);
  }),
);

test(
  'a file with another link is never written, by append or reuse, also after a reopen',
  inTemp(async (dir) => {
    const values = join(dir, 'store', 'values');
    let store = await openSmall(join(dir, 'store'));
    await run(store, '0a', 0, 8, 100);
    const held = valueFiles(join(dir, 'store')).map((name) => {
      linkSync(join(values, name), join(dir, name));
      return { name, bytes: readFileSync(join(dir, name)) };
    });
    await run(store, '0a', 8, 40, 4);
    await store.close();
    store = await openSmall(join(dir, 'store'));
    await run(store, '0a', 40, 80, 4);
    await store.close();
    for (const { name, bytes } of held) assert.ok(readFileSync(join(dir, name)).equals(bytes), name);
    for (const { name } of held) assert.is(statSync(join(dir, name)).nlink, 1, `${name} was given up`);
  }),
);

test(
  'files that an iterator may still read stay until it ends',
  inTemp(async (dir) => {
    await using store = await openSmall(dir);
    await run(store, '0a', 0, 30, 100);
    const iterator = store.readBlocks('0a');
    assert.equal((await iterator.next()).value, big('0a', 0));
    const before = valueFiles(dir);
    await store.persist({ anchor: plainAnchor(1, { '0a': 30 }) });
    await run(store, '0b', 0, 30, 3);
    for (const name of before.slice(0, 4)) assert.ok(valueFiles(dir).includes(name), `${name} is held`);
    for (let n = 1; n < 30; n++) assert.equal((await iterator.next()).value, big('0a', n), `block ${n}`);
    assert.ok((await iterator.next()).done);
    await run(store, '0b', 30, 60, 3);
    assert.not.ok(
      valueFiles(dir).some((name) => before.slice(0, 4).includes(name)),
      'then they are reused or removed',
    );
  }),
);

test(
  'records of an earlier use are not read as records of a later use',
  inTemp(async (dir) => {
    const store = await openSmall(dir);
    // Records of the same size have the same offsets in every file.
    await run(store, '0a', 0, 6, 100);
    await store.close();
    const old = await placeOf(dir, '0a', 0);
    const inode = statSync(join(dir, 'values', valueFileName(old.file))).ino;
    const again = await openSmall(dir);
    await again.persist({ anchor: plainAnchor(1, { '0a': 6 }) });
    await run(again, '0b', 0, 40, 4);
    await again.close();
    const reused = valueFiles(dir).find((name) => statSync(join(dir, 'values', name)).ino === inode);
    assert.is.not(reused, valueFileName(old.file), 'the file has another number, or is gone');
    await using last = await openSmall(dir);
    assert.is(await last.block('0a', 0n), undefined);
    assert.equal(last.takeRecovered().blocks.get('0b')?.[0], big('0b', 36));
  }),
);

test(
  'a store without large values has no directory for them; a store with large values frees its files',
  inTemp(async (dir) => {
    await using store = await openSmall(dir);
    for (let n = 0; n < 20; n++) await store.persist({ blocks: [big('0a', n, 100)] });
    assert.not.ok(readdirSync(dir).includes('values'));
    for (let n = 0; n < 200; n++) await store.persist({ blocks: [big('0b', n)] });
    assert.ok(valueFiles(dir).length > 30);
    await store.persist({ anchor: plainAnchor(1, { '0b': 200 }) });
    for (let turn = 0; turn < 1000 && store.valueUsage.fileBytes > 6 * SMALL_FILES.fileBytes; turn++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(store.valueUsage.fileBytes <= 6 * SMALL_FILES.fileBytes, `${store.valueUsage.fileBytes}`);
    assert.is(store.valueUsage.liveBytes, 0);
  }),
);

test.run();
