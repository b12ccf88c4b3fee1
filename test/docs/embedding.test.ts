/** docs/embedding.md: its code is extracted, compiled and run, twice on the same store; its tables are the code's. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Batch, ledger } from '../../examples/own-types/model.js';
import { METRICS, type MetricRow } from '../../src/metrics/index.js';
import { refusedSync } from '../support/faults.js';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('docs/embedding.md');
const page = readFileSync(join(packageRoot, 'docs/embedding.md'), 'utf8');

/** The code of the page as one module, its imports on top, to be compiled below `.build`. */
function program(): string {
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? '');
  assert.ok(blocks.length >= 12, `${blocks.length} blocks were found`);
  const lines = blocks.join('\n').split('\n');
  const imports = lines.filter((line) => line.startsWith('import '));
  const rest = lines.filter((line) => !line.startsWith('import '));
  return [...imports, ...rest]
    .join('\n')
    .replaceAll(/'lanestore\/(\w+)'/g, "'../../src/$1/index.js'")
    .replaceAll("'lanestore'", "'../../src/index.js'")
    .replaceAll("'../examples/", "'../../examples/");
}

test(
  'its code compiles as it stands, runs, and runs again on what it stored',
  inTemp((dir) => {
    const folder = join(packageRoot, '.build/docs-guide');
    mkdirSync(folder, { recursive: true });
    try {
      writeFileSync(join(folder, 'guide.ts'), program());
      const config = {
        extends: '../../tsconfig.json',
        compilerOptions: { rootDir: '../..', outDir: '../guide' },
        include: ['guide.ts'],
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
      const tsc = join(packageRoot, 'node_modules/.bin/tsc');
      const options = { encoding: 'utf8', stdio: 'pipe' } as const;
      try {
        execFileSync(tsc, ['-p', join(folder, 'tsconfig.json')], options);
      } catch (error) {
        throw new Error(`it does not compile:\n${(error as { stdout: string }).stdout}`);
      }
      const run = () =>
        JSON.parse(
          execFileSync(
            process.execPath,
            [join(packageRoot, '.build/guide/.build/docs-guide/guide.js'), join(dir, 'store')],
            options,
          ),
        );
      const lane = '07'.repeat(20);
      const votes = (from: number) => Array.from({ length: 5 }, (_, i) => `${lane}/${from + i}`);
      assert.equal(run(), { votes: votes(0), rounds: 3, next: '4', header: true });
      assert.equal(run(), { votes: votes(5), rounds: 3, next: '9', header: true });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }),
);

test('its table of metrics is the one in the code', () => {
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
