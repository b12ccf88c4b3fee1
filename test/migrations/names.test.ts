/**
 * File names that the original never writes, but loads: they are read in the same way, and never
 * skipped.
 */
import { cpSync, existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { detectLayout, importState, openWal, readWal } from '../../src/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import { digestsOf } from '../adapter/wal/state.js';
import { refused } from '../support/faults.js';
import { inTemp } from '../support/temp.js';
import { copyState, refused as importRefused, manifestIn, OPTIONS } from './states.js';

const test = suite('migrations: names');

const UPPER = '65B4054320588A72DB4DF213A430E423BE9EE2A27A37DF3539653C71D19554DD';
const LOWER = UPPER.toLowerCase();
const UPPER_FILE = 'DFEEADB9E8E59C1556E629D70927BC33FF77BD97F8E6F21C714173DCDE52EE1C_24.pb';

/** A fixture, the name in it that the original only reads, and the one that it writes. */
const CASES = [
  ['wal-upper-case-lane', 'wal', 'blocks', UPPER, LOWER],
  ['files-upper-case-lane', 'file-per-entry', 'blocks', UPPER_FILE, UPPER_FILE.toLowerCase()],
  ['files-leading-zeros', 'file-per-entry', 'commitqcs', '00023.pb', '23.pb'],
] as const;

for (const [name, layout, directory, found, written] of CASES) {
  test(
    `${name}: imported with every entry, as if it had the name that the original writes`,
    inTemp(async (dir) => {
      const source = copyState(name, dir);
      assert.ok(existsSync(join(source, directory, found)));
      assert.is((await detectLayout(source)).layout, layout);
      const report = await importState(source, join(dir, 'a'), OPTIONS);
      assert.equal(report.notes, []);
      renameSync(join(source, directory, found), join(source, directory, written));
      const usual = await importState(source, join(dir, 'b'), OPTIONS);
      assert.equal(await manifestIn(join(dir, 'a')), await manifestIn(join(dir, 'b')));
      assert.equal([report.blocks, report.commitQCs], [usual.blocks, usual.commitQCs]);
    }),
  );

  test(
    `${name}: refused where both names are there`,
    inTemp(async (dir) => {
      const source = copyState(name, dir);
      cpSync(join(source, directory, found), join(source, directory, written), { recursive: true });
      const text = new RegExp(`names the same (?:entry|lane) as (?:${found}|${written}): keep the one`);
      await importRefused(source, join(dir, 'store'), 'LANESTORE_IMPORT', text);
      if (layout !== 'wal') return;
      await refused(openWal(source, { model: autobahn }), 'LANESTORE_CORRUPT', text);
    }),
  );
}

test(
  'wal-upper-case-lane: readWal reads the lane, and openWal continues it, under its own name',
  inTemp(async (dir) => {
    const source = copyState('wal-upper-case-lane', dir);
    const content = await readWal(source, { model: autobahn });
    assert.equal([content.findings, content.notes], [[], []]);
    assert.ok((content.blocks.get(LOWER)?.length ?? 0) > 0);
    const first = await openWal(source, { model: autobahn });
    assert.equal(digestsOf(first.takeRecovered()), digestsOf(content));
    assert.equal(first.notes, [`blocks/${UPPER}: renamed to ${LOWER}`]);
    await first.close();
    const second = await openWal(source, { model: autobahn });
    assert.equal(digestsOf(second.takeRecovered()), digestsOf(content));
    assert.equal(second.notes, []);
    await second.dropLanes([LOWER]);
    await second.close();
    assert.not.ok(readdirSync(join(source, 'blocks')).some((name) => name.toLowerCase() === LOWER));
  }),
);

test.run();
