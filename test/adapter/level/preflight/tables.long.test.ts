/** The long part of `tables.test.ts`: every bit of a footer. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { preflight } from '../../../../src/adapter/level/index.js';
import { findingLines, flipInFile, refused, tree } from '../../../support/faults.js';
import { inTemp } from '../../../support/temp.js';
import { copy, names, open } from './files.js';
import { makeStore } from './tables-support.js';

const test = suite('preflight: every bit of a footer');

test(
  'every bit of a footer except its padding is verified, and no file changes',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 40, 40, {});
    const table = names(base, /\.ldb$/)[0]!;
    const bytes = readFileSync(join(base, table));
    let padding = 0;
    for (let bit = (bytes.length - 48) * 8; bit < bytes.length * 8; bit++) {
      const target = copy(base, join(dir, 'copy'));
      flipInFile(join(target, table), bit);
      const { findings } = await preflight(join(target, 'level'));
      if (findings.length === 0) padding++;
      else assert.is(findings[0]?.kind, 'table-damaged');
    }
    // Four varints of one or two bytes, the padding, 8 bytes of magic. A last varint that
    // continues with a zero of the padding encodes the same number.
    assert.ok(padding >= (40 - 8) * 8 && padding <= (40 - 4) * 8 + 1, `${padding}`);
    const target = copy(base, join(dir, 'copy'));
    flipInFile(join(target, table), (bytes.length - 3) * 8);
    const before = tree(target);
    for (let i = 0; i < 3; i++) {
      assert.equal(findingLines(await refused(open(target), 'LANESTORE_CORRUPT')), [`table-damaged ${table} - -`]);
      assert.equal(tree(target), before);
    }
  }),
);

test.run();
