/** LevelDB's live files, and every version of a key in them, without LevelDB and without a lock. */
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeRecord, isFault, keyVersions, levelMap } from '../../../../src/adapter/level/index.js';
import { blockKey } from '../../../../src/keys/index.js';
import { tree } from '../../../support/faults.js';
import { plainAnchor, plainBlock, plainQC } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { dataFor, LANE, manifestOf, names, open } from './files.js';

const test = suite("LevelDB's live files");

/** Rounds with a block and an inner state each, of several openers: older ones are in tables. */
async function makeStore(location: string, openers: number, rounds: number): Promise<void> {
  for (let opener = 0; opener < openers; opener++) {
    await using store = await open(location);
    for (let i = opener * rounds; i < (opener + 1) * rounds; i++) {
      await store.persist({ blocks: [plainBlock(LANE, i, dataFor(i))], inner: Buffer.from(`inner ${i}`) });
    }
  }
}

function innerOf(value: Uint8Array | null): string {
  const record = value === null ? undefined : decodeRecord('inner', value);
  if (record === undefined || isFault(record)) return String(record?.detail);
  return Buffer.from(record.body as Uint8Array).toString();
}

test(
  'the tables and logs are those in the directory; every version of a key is found, the newest first',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const level = join(location, 'level');
    await makeStore(location, 3, 20);
    const before = tree(location);
    const map = await levelMap(level);
    assert.is(`level/${map.manifest}`, manifestOf(location));
    assert.equal(map.tables.map(({ file }) => file).sort(), names(location, /\.ldb$/));
    assert.equal(
      map.logs.map(({ file }) => file).filter((file) => statSync(join(location, file)).size > 0),
      names(location, /\.log$/),
    );
    for (const { file, bytes, smallest, largest, isThere } of map.tables) {
      assert.equal([bytes, isThere], [statSync(join(location, file)).size, true]);
      assert.ok(smallest <= largest && /^[a-z]/.test(smallest), `${smallest} to ${largest}`);
    }

    const inner = await keyVersions(level, 'inner');
    assert.is(innerOf(inner.versions[0]?.value ?? null), 'inner 59');
    // A flush and a compaction drop older versions; those in the log are all there.
    const inLog = inner.versions.filter(({ level: at }) => at === undefined);
    assert.equal(
      inLog.map(({ value }) => innerOf(value)),
      Array.from({ length: 20 }, (_, i) => `inner ${59 - i}`),
    );
    const sequences = inner.versions.map(({ sequence }) => sequence);
    assert.equal(
      sequences,
      [...new Set(sequences)].sort((a, b) => b - a),
    );
    for (const number of [0n, 30n, 59n]) {
      const { versions, versionsTotal, notes } = await keyVersions(level, blockKey(LANE, number));
      assert.equal([versions.length, versionsTotal, notes], [1, 1, []]);
      assert.is(versions[0]?.level === undefined, number === 59n, `block ${number} is in a table unless it is new`);
    }
    assert.equal((await keyVersions(level, 'no such key')).versions, []);
    assert.equal(tree(location), before);
  }),
);

test(
  'a deleted key has a version without a value, above the one that it had',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location, 1, 10);
    {
      await using store = await open(location);
      await store.persist({ commitQCs: [plainQC(0)], anchor: plainAnchor(0, { [LANE]: 5 }) });
    }
    // An opener sweeps what the one before did not.
    const isDeleted = async () =>
      (await keyVersions(join(location, 'level'), blockKey(LANE, 4n))).versions[0]?.value === null;
    const until = Date.now() + 60_000;
    while (!(await isDeleted()) && Date.now() < until) {
      await using store = await open(location);
      await store.persist({ inner: new Uint8Array([1]) });
    }
    const { versions } = await keyVersions(join(location, 'level'), blockKey(LANE, 4n));
    assert.is(versions[0]?.value, null);
  }),
);

test(
  'missing and damaged files do not throw: they are findings and notes',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const level = join(location, 'level');
    await makeStore(location, 2, 20);
    const [table = ''] = names(location, /\.ldb$/).slice(-1);
    renameSync(join(location, table), join(dir, 'table'));
    const gone = (await levelMap(level)).tables.filter(({ isThere }) => !isThere);
    assert.equal(
      gone.map(({ file }) => file),
      [table],
    );
    assert.match((await keyVersions(level, 'inner')).notes.join(), /it is not there/);
    writeFileSync(join(location, table), Buffer.alloc(100));
    assert.match((await keyVersions(level, 'inner')).notes.join(), /does not end with the magic number/);
    assert.ok((await keyVersions(level, 'inner')).versions.length >= 20, 'the log is read nevertheless');
    const manifest = join(location, manifestOf(location));
    rmSync(manifest);
    assert.equal(
      (await levelMap(level)).findings.map(({ kind }) => kind),
      ['manifest-missing'],
    );
    writeFileSync(manifest, 'text');
    assert.equal((await levelMap(level)).tables, []);
    assert.equal((await keyVersions(level, 'inner')).versions, []);
    writeFileSync(join(level, 'CURRENT'), 'text');
    assert.equal(
      (await levelMap(level)).findings.map(({ kind }) => kind),
      ['current-damaged'],
    );
    for (const name of readdirSync(level)) rmSync(join(level, name));
    assert.equal(
      (await levelMap(level)).findings.map(({ kind }) => kind),
      ['current-missing'],
    );
  }),
);

test.run();
