/** docs/crash-safety.md: its table says what a refusal had already changed, by kind of finding. */
import { readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { FINDING_KINDS, isLanestoreError } from '../../src/errors.js';
import { append, LANE, names } from '../adapter/level/preflight/files.js';
import { flipInFile, makeRecord, rawBatch, rewriteBody, tree } from '../support/faults.js';
import { packageRoot } from '../support/fixtures.js';
import { plain, plainBlock } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('docs/crash-safety.md');
const page = readFileSync(join(packageRoot, 'docs/crash-safety.md'), 'utf8');
const ROUNDS = 5;
const key = (number: number) => `lane/${LANE}/${String(number).padStart(20, '0')}`;

/** Patterns of kinds by what the third column says: nothing was written, or something was. */
const rows = [...page.matchAll(/^\| (`[a-z-]+.*?`) \| (?:from|when|after) .*? \| (.*?) \|$/gm)].map(
  ([, kinds = '', had = '']) => ({
    kinds: [...kinds.matchAll(/`([a-z-]+?)(-…)?`/g)].map(([, kind, more]) =>
      more === undefined ? new RegExp(`^${kind}$`) : new RegExp(`^${kind}-`),
    ),
    had,
  }),
);
const rowsOf = (kind: string) => rows.filter(({ kinds }) => kinds.some((pattern) => pattern.test(kind)));

/** Damage to a closed store whose rounds are in its log, or in a table where `rawBatch` ran. */
const DAMAGE: Readonly<Record<string, (dir: string) => unknown>> = {
  'current-missing': (dir) => rmSync(join(dir, 'level/CURRENT')),
  'current-damaged': (dir) => writeFileSync(join(dir, 'level/CURRENT'), 'nothing'),
  'manifest-missing': (dir) => rmSync(join(dir, names(dir, /^MANIFEST/)[0]!)),
  'log-missing': (dir) => rmSync(join(dir, names(dir, /\.log$/)[0]!)),
  'log-torn': (dir) => truncateSync(join(dir, names(dir, /\.log$/)[0]!), 2000),
  'log-damaged': (dir) => flipInFile(join(dir, names(dir, /\.log$/)[0]!), 8 * 1000),
  'table-missing': async (dir) => {
    await rawBatch(dir, []);
    rmSync(join(dir, names(dir, /\.ldb$/)[0]!));
  },
  'table-damaged': async (dir) => {
    await rawBatch(dir, []);
    flipInFile(join(dir, names(dir, /\.ldb$/)[0]!), 8 * 100);
  },
  'witness-damaged': (dir) => rmSync(join(dir, 'witness')),
  'level-missing': (dir) => rmSync(join(dir, 'level'), { recursive: true }),
  'file-type': (dir) => {
    rmSync(join(dir, 'level/CURRENT'));
    symlinkSync('elsewhere', join(dir, 'level/CURRENT'));
  },
  missing: (dir) => rawBatch(dir, [{ type: 'del', key: key(2) }]),
  stray: (dir) => rawBatch(dir, [{ type: 'put', key: 'foreign', value: new Uint8Array(1) }]),
  'record-shape': (dir) => rawBatch(dir, [{ type: 'put', key: key(2), value: new Uint8Array(1) }]),
  'record-crc': (dir) =>
    rawBatch(dir, [{ type: 'put', key: key(2), value: makeRecord(key(3), plain.block.toBody(plainBlock(LANE, 3))) }]),
  'record-key': (dir) =>
    rawBatch(dir, [{ type: 'put', key: key(2), value: makeRecord(key(2), plain.block.toBody(plainBlock(LANE, 3))) }]),
  'tip-body': (dir) => rewriteBody(dir, 'meta/tip', (body) => ({ ...body, lanes: 5 })),
};

/** LevelDB's files by name, with their digests. */
function levelOf(dir: string): string {
  return JSON.stringify([...tree(dir)].filter(([name]) => name.startsWith('level')));
}

for (const [kind, damage] of Object.entries(DAMAGE)) {
  test(
    `${kind}: what the refused open had written`,
    inTemp(async (dir) => {
      await append(dir, 0, ROUNDS);
      await damage(dir);
      const before = levelOf(dir);
      const error = await openLevel(dir, { model: plain }).then(
        (store) => store.close().then(() => assert.unreachable('it opened')),
        (reason: unknown) => reason,
      );
      if (!isLanestoreError(error)) throw error;
      assert.ok(error.findings?.some((finding) => finding.kind === kind) ?? false, error.message);
      const [row, ...others] = rowsOf(kind);
      assert.ok(row !== undefined && others.length === 0, 'the table has this kind, once');
      const changed = levelOf(dir) !== before;
      assert.is(changed, row.had !== 'nothing', row.had);
    }),
  );
}

test('the table has each kind of a store on LevelDB, once', () => {
  assert.is(rows.length, 3);
  const elsewhere =
    /^(?:segment|entry|entries|ab|node|layout|number)-|^(?:name-twice|leveldb-abort|postgres|log-lost)$/;
  const rules = /^(?:floor|differs|passed|excluded|gap|damaged|verify)$/;
  for (const kind of Object.keys(FINDING_KINDS))
    if (!elsewhere.test(kind) && !rules.test(kind)) assert.is(rowsOf(kind).length, 1, kind);
});

test.run();
