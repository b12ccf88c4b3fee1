/**
 * The library of the original, tidwall/wal in Go, opens an exported directory. Needs a Go toolchain
 * (bench/go-wal).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { goWal } from '../../bench/contenders/go-build.js';
import { autobahn, exportState, importState } from '../../src/index.js';
import { inTemp } from '../support/temp.js';
import { contentOf, copyState, OPTIONS } from './states.js';

const test = suite("migrations: the original's libraries");

for (const [name, segmentBytes] of [
  ['wal', undefined],
  ['wal', 2500],
  ['wal-quiet-lane', undefined],
  ['wal-no-anchor', undefined],
  ['wal-crash-after-anchor', undefined],
] as const) {
  test(
    `${name}, exported${segmentBytes === undefined ? '' : ' in small segments'}: tidwall/wal reads equal entries`,
    inTemp(async (dir) => {
      const built = await goWal();
      if ('reason' in built) {
        process.stdout.write(`\n  skipped: reading with tidwall/wal (${built.reason})\n`);
        return;
      }
      const source = copyState(name, dir);
      await importState(source, join(dir, 'store'), OPTIONS);
      const out = join(dir, 'out');
      const options = segmentBytes === undefined ? OPTIONS : { ...OPTIONS, segmentBytes };
      await exportState(join(dir, 'store'), out, 'wal', options);
      const expected = await expectedLines(join(dir, 'store'));
      const lines = execFileSync(built.program, ['dump', out], { encoding: 'utf8' }).trim().split('\n');
      assert.equal(
        lines.filter((line) => !line.includes('first index')),
        expected,
      );
      assert.is(lines.filter((line) => line.startsWith('commitqcs first index')).length, 1);
    }),
  );
}

async function expectedLines(location: string): Promise<string[]> {
  const { anchor, commitQCs, blocks } = await contentOf(location);
  const lines = anchor === undefined ? [] : [`anchor 1 ${sha256(autobahn.anchor.toWire(anchor))}`];
  for (const qc of commitQCs) {
    lines.push(`commitqcs ${autobahn.commitQC.index(qc)} ${sha256(autobahn.commitQC.toWire(qc))}`);
  }
  for (const [lane, list] of [...blocks].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const block of list) {
      lines.push(`blocks/${lane} ${autobahn.block.number(block)} ${sha256(autobahn.block.toWire(block))}`);
    }
  }
  return lines;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test.run();
