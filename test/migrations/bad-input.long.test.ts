/** The long part of `bad-input.test.ts`: segments that are cut at any byte. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame } from '../../src/adapter/wal/frame.js';
import { importState } from '../../src/index.js';
import { loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { entriesIn, QC_SEGMENT } from './bad-input-support.js';
import { copyState, manifestIn, OPTIONS, treeHash } from './states.js';

const test = suite('migrations: segments that are cut');

test(
  'a segment cut at any byte: a torn tail that is reported, with all before it, or a refusal',
  inTemp(async (dir) => {
    const expected = loadExpected('wal');
    const whole = readFileSync(join(copyState('wal', dir, 'whole'), QC_SEGMENT));
    const borders = new Set<number>();
    let border = 0;
    for (const entry of entriesIn(join(dir, 'whole', QC_SEGMENT))) {
      border += encodeFrame(entry).length;
      borders.add(border);
    }
    let torn = 0;
    for (let cut = whole.length - 1; cut > 0; cut -= 211) {
      const source = copyState('wal', dir, `cut-${cut}`);
      writeFileSync(join(source, QC_SEGMENT), whole.subarray(0, cut));
      const before = treeHash(source);
      const report = await importState(source, join(dir, `store-${cut}`), OPTIONS);
      assert.is(treeHash(source), before);
      const kept = [...borders].filter((end) => end <= cut).length;
      // If the anchor's own CommitQC was cut, the import adds it.
      const { commitQCs } = await manifestIn(join(dir, `store-${cut}`));
      assert.equal(commitQCs.slice(1), expected.commitQCs.slice(1, Math.max(1, kept)), `cut at ${cut}`);
      const reported = report.notes.some((note) => note.includes(`${QC_SEGMENT}: a torn tail of`));
      assert.is(reported, !borders.has(cut), `cut at ${cut}: ${report.notes}`);
      torn += Number(reported);
      rmSync(source, { recursive: true });
    }
    assert.ok(torn > 20);
  }),
);

test.run();
