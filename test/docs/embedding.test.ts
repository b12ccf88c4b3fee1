/**
 * docs/embedding.md: its code is extracted, compiled and run, twice on the same store; its tables
 * match the code.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Batch, ledger } from '../../examples/own-types/model.js';
import { METRICS, type MetricRow } from '../../src/metrics/index.js';
import { refusedSync } from '../support/faults.js';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { compiledProgram } from './program.js';

const test = suite('docs/embedding.md');
const page = readFileSync(join(packageRoot, 'docs/embedding.md'), 'utf8');

test(
  'its code compiles unchanged, runs, and runs again on the store of the first run',
  inTemp((dir) => {
    assert.ok([...page.matchAll(/^```ts$/gm)].length >= 12);
    const program = compiledProgram('embedding', page);
    const run = (...args: readonly string[]) => JSON.parse(program(join(dir, 'store'), ...args));
    const lane = '07'.repeat(20);
    const votes = (from: number) => Array.from({ length: 5 }, (_, i) => `${lane}/${from + i}`);
    assert.throws(run, /LANESTORE_NOT_A_STORE/, 'a missing store is not created by accident');
    assert.equal(run('--create'), { votes: votes(0), rounds: 3, next: '4', header: true });
    assert.equal(run(), { votes: votes(5), rounds: 3, next: '9', header: true });
  }),
);

test('its table of metrics matches the code', () => {
  const listed = [...page.matchAll(/^\| `(lanestore_\w+)` \| (\w+) \| (.*?) \|$/gm)].map(([, name, kind, help]) => [
    name,
    kind,
    help,
  ]);
  const expected = (Object.entries(METRICS) as [string, MetricRow][]).map(([name, { kind, help, labels }]) => [
    name,
    kind,
    labels === undefined ? help : `${help} By \`kind\`: ${labels.join(', ')}.`,
  ]);
  assert.equal(listed, expected);
});

test('the model of the example refuses what it could not read back, and reads back what it accepts', () => {
  const batch: Batch = { author: new Uint8Array(20).fill(1), sequence: 2n ** 63n, items: [new Uint8Array([1, 2])] };
  const certificate = { round: 3n, from: [{ author: batch.author, sequence: 4n }] };
  const checkpoint = { stateHash: new Uint8Array(32), certificate };
  assert.equal(ledger.block.fromWire(ledger.block.toWire(batch)), batch);
  assert.equal(ledger.commitQC.fromWire(ledger.commitQC.toWire(certificate)), certificate);
  assert.equal(ledger.anchor.fromWire(ledger.anchor.toWire(checkpoint)), checkpoint);
  for (const bad of [
    { ...batch, author: new Uint8Array(19) },
    { ...batch, sequence: 5 },
    { ...batch, sequence: 2n ** 64n },
    { ...batch, items: 'none' },
    { ...batch, extra: 1 },
    null,
  ])
    refusedSync(() => ledger.block.check(bad as never), 'LANESTORE_INVALID');
  refusedSync(() => ledger.block.fromWire(new Uint8Array([0xff, 0x01])), 'LANESTORE_INVALID');
});

test.run();
