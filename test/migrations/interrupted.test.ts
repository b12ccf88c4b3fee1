/**
 * A truncation that a crash interrupted, in every state that it can leave: the import has the
 * content of the finished truncation, and does not finish it in the source.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame } from '../../src/adapter/wal/frame.js';
import { autobahn, importState, openWal } from '../../src/index.js';
import { manifestOf } from '../../src/inspector/index.js';
import { loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { contentOf, copyState, manifestIn, OPTIONS, treeHash } from './states.js';

const test = suite('migrations: interrupted truncations');
/** The anchor of the fixture has the lane begin at 34; its only segment still begins at 29. */
const LANE = '0014e5a2b6f3e293361a6d0216f708bd2c65ff7faef84e00cb0f23936e20d2ce';
const OLD = '00000000000000000030';
const NEW = '00000000000000000035';
const expected = loadExpected('wal-crash-after-anchor', 'expected-after-start.json');

/** What the truncation writes: the entries from the anchor's start on. */
async function remaining(source: string): Promise<Buffer> {
  const { blocks } = await contentOf(source);
  const kept = (blocks.get(LANE) ?? []).filter((block) => autobahn.block.number(block) >= 34n);
  return Buffer.concat(kept.map((block) => encodeFrame(autobahn.block.toWire(block))));
}

const STATES: readonly [what: string, leave: (lane: string, rest: Buffer) => void, stale: number, noted: boolean][] = [
  [
    'while its new segment was written',
    (lane, rest) => part(lane, `${NEW}.START.TEMP`, rest.subarray(0, 100)),
    5,
    true,
  ],
  ['before the rename to .START', (lane, rest) => part(lane, `${NEW}.START.TEMP`, rest), 5, true],
  ['behind the rename to .START', (lane, rest) => part(lane, `${NEW}.START`, rest), 0, true],
  [
    'behind the removal of the old segment',
    (lane, rest) => {
      part(lane, `${NEW}.START`, rest);
      rmSync(join(lane, OLD));
    },
    0,
    true,
  ],
  ['and power was lost: both segments are there', (lane, rest) => part(lane, NEW, rest), 0, true],
  [
    'at the end',
    (lane, rest) => {
      part(lane, `${NEW}.START`, rest);
      rmSync(join(lane, OLD));
      renameSync(join(lane, `${NEW}.START`), join(lane, NEW));
    },
    0,
    false,
  ],
];

function part(lane: string, name: string, bytes: Uint8Array): void {
  writeFileSync(join(lane, name), bytes);
}

for (const [what, leave, stale, noted] of STATES) {
  test(
    `interrupted ${what}`,
    inTemp(async (dir) => {
      const source = copyState('wal-crash-after-anchor', dir, 'source');
      const lane = join(source, 'blocks', LANE);
      assert.ok(readFileSync(join(lane, OLD)).length > 0);
      leave(lane, await remaining(source));
      const before = treeHash(source);
      const report = await importState(source, join(dir, 'store'), OPTIONS);
      assert.is(treeHash(source), before, 'the source is untouched');
      assert.equal(await manifestIn(join(dir, 'store')), expected);
      assert.is(report.staleBlocks, 10 + stale);
      assert.is(
        report.notes.some((note) => note.includes('an interrupted truncation is taken as finished')),
        noted,
      );
      // The backend finishes the truncation in place, with the same result.
      const wal = await openWal(source, { model: autobahn });
      assert.equal(manifestOf(wal.takeRecovered()), expected);
      await wal.close();
    }),
  );
}

test.run();
