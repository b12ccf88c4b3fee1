/**
 * `migrateStore` opens LevelDB in place only for a sound store of an older format. Every other
 * location stays unchanged.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  autobahn,
  entryChecks,
  importState,
  isLanestoreError,
  type LanestoreErrorCode,
  migrateStore,
  openLevel,
  verify,
} from '../../src/index.js';
import { refused } from '../support/faults.js';
import { inTemp } from '../support/temp.js';
import { copyState, OPTIONS, treeHash, writePlainly } from './states.js';

const test = suite('migrations: what is no store of an older format stays as it is');

const CHECKED = { model: autobahn, checks: entryChecks() };

/** Changes a byte in the middle of the log, with batches before and after it. */
function damageLog(location: string): void {
  const level = join(location, 'level');
  const [log = ''] = readdirSync(level)
    .filter((name) => name.endsWith('.log'))
    .sort((a, b) => statSync(join(level, b)).size - statSync(join(level, a)).size);
  const bytes = readFileSync(join(level, log));
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(join(level, log), bytes);
}

async function foreignLevel(path: string): Promise<void> {
  const db = new ClassicLevel(path);
  await db.batch([
    { type: 'put', key: 'a', value: '1' },
    { type: 'put', key: 'b', value: '2' },
  ]);
  await db.close();
}

/** A location given to `migrateStore`. */
interface Case {
  readonly what: string;
  make(location: string): unknown;
  /** The code of the refusal; absent for a sound store. */
  readonly code?: LanestoreErrorCode;
  readonly text?: RegExp;
}

const CASES: readonly Case[] = [
  { what: 'an absent path', make: () => undefined, code: 'LANESTORE_NOT_A_STORE', text: /does not exist/ },
  {
    what: 'a file',
    make: (path) => writeFileSync(path, 'x'),
    code: 'LANESTORE_NOT_A_STORE',
    text: /is not a directory/,
  },
  { what: 'an empty directory', make: (path) => mkdirSync(path), code: 'LANESTORE_NOT_A_STORE', text: /is empty/ },
  ...['wal', 'wal-crc', 'file-per-entry'].map(
    (layout): Case => ({
      what: `a state of the original, ${layout}`,
      make: (path) => copyState(layout, join(path, '..'), basename(path)),
      code: 'LANESTORE_NOT_A_STORE',
      text: new RegExp(`layout ${layout}\\), not a store: "lanestore import" makes a store of it`),
    }),
  ),
  {
    what: 'a LevelDB of another program',
    make: foreignLevel,
    code: 'LANESTORE_NOT_A_STORE',
    text: /is a LevelDB itself/,
  },
  {
    what: 'a LevelDB of another program in level/',
    async make(path) {
      mkdirSync(path);
      await foreignLevel(join(path, 'level'));
    },
    code: 'LANESTORE_NOT_A_STORE',
    text: /not a lanestore/,
  },
  {
    what: 'an empty level/',
    make: (path) => mkdirSync(join(path, 'level'), { recursive: true }),
    code: 'LANESTORE_CORRUPT',
    text: /the directory is empty/,
  },
  {
    what: 'a store of this format whose log is damaged',
    async make(path) {
      await importState(copyState('wal', join(path, '..')), path, OPTIONS);
      damageLog(path);
    },
    code: 'LANESTORE_ROLLED_BACK',
    text: /level\/\d+\.log, byte \d+: /,
  },
  {
    what: 'a store of format 0 whose log is damaged',
    async make(path) {
      await writePlainly(path, 'wal');
      damageLog(path);
    },
    code: 'LANESTORE_CORRUPT',
    text: /level\/\d+\.log, byte \d+: .*after it/,
  },
  {
    what: 'a sound store of this format',
    make: (path) => importState(copyState('wal', join(path, '..')), path, OPTIONS),
  },
];

for (const { what, make, code, text } of CASES) {
  for (const dryRun of [true, false]) {
    test(
      `${what}, ${dryRun ? 'dry run' : 'migrate'}: ${code ?? 'nothing to do'}; nothing is written`,
      inTemp(async (dir) => {
        const location = join(dir, 'location');
        await make(location);
        const before = treeHash(dir);
        try {
          const report = await migrateStore(location, { ...CHECKED, dryRun });
          assert.is(code, undefined, 'it should have been refused');
          assert.equal([report.from, report.to, report.steps], [2, 2, []]);
        } catch (error) {
          if (!isLanestoreError(error)) throw error;
          assert.is(error.code, code, error.message);
          assert.match(error.message, text!);
        }
        assert.is(treeHash(dir), before);
        if (code !== 'LANESTORE_ROLLED_BACK') return;
        const { findings } = await verify(location, { model: autobahn });
        assert.ok(
          findings.some(({ kind }) => kind === 'log-torn'),
          'verify still finds the damage',
        );
      }),
    );
  }
}

test(
  'a sound store of format 0, dry run: what a migration converts, and nothing is written',
  inTemp(async (dir) => {
    const location = join(dir, 'location');
    await writePlainly(location, 'wal');
    const before = treeHash(dir);
    const dry = await migrateStore(location, { ...CHECKED, dryRun: true });
    assert.is(treeHash(dir), before);
    assert.equal([dry.from, dry.to, dry.steps.length], [0, 2, 1]);
    const report = await migrateStore(location, CHECKED);
    assert.equal(report.steps, dry.steps);
    assert.is.not(treeHash(dir), before);
  }),
);

test(
  'openLevel of a store of format 0, or of a LevelDB of another program: refused, and nothing is written',
  inTemp(async (dir) => {
    const [plain, foreign] = [join(dir, 'plain'), join(dir, 'foreign')];
    await writePlainly(plain, 'wal');
    mkdirSync(foreign);
    await foreignLevel(join(foreign, 'level'));
    const before = treeHash(dir);
    await refused(openLevel(plain, { model: autobahn }), 'LANESTORE_SCHEMA', /format 0/);
    await refused(openLevel(foreign, { model: autobahn }), 'LANESTORE_NOT_A_STORE', /not a lanestore/);
    assert.is(treeHash(dir), before);
  }),
);

test.run();
