/**
 * Whatever `openLevel` refuses for its format, model or `acceptRollback` stays as it is, byte for
 * byte.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../../../src/adapter/level/index.js';
import type { AcceptRollback } from '../../../../src/adapter/level/options.js';
import type { LanestoreErrorCode } from '../../../../src/errors.js';
import { treeHash } from '../../../migrations/states.js';
import { makeRecord, rawBatch, refused, rewriteBody } from '../../../support/faults.js';
import { plain } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { append, open } from '../preflight/files.js';

const test = suite('openLevel leaves a store that it refuses unchanged');

const OTHER = { ...plain, name: 'other/1' };
const ROUNDS = 3;

/** The rounds in the log. */
const inLog = (location: string) => append(location, 0, ROUNDS);
/** The rounds in a table, and an empty log. */
async function inTable(location: string): Promise<void> {
  await inLog(location);
  await rawBatch(location, []);
}
/** A table with the schema, and a log with more rounds. */
async function inBoth(location: string): Promise<void> {
  await inTable(location);
  await append(location, ROUNDS, ROUNDS + 2);
}

/** A store that was created by a version with format 2, whose records are in the log. */
async function formatTwoInLog(location: string): Promise<void> {
  mkdirSync(location);
  const store = new Uint8Array(16).fill(7);
  const db = new ClassicLevel<string, Uint8Array>(join(location, 'level'), { valueEncoding: 'view' });
  const tip = { store, seq: 0n, anchor: null, inner: null, qc: [0n, 0n, 0n], lanes: [] };
  const schema = { format: 2, model: plain.name, store, createdAt: '2026-01-01T00:00:00.000Z' };
  await db.batch([
    { type: 'put', key: 'meta/tip', value: makeRecord('meta/tip', tip) },
    { type: 'put', key: 'meta/schema', value: makeRecord('meta/schema', schema) },
  ]);
  await db.close();
}

interface Case {
  readonly what: string;
  make(location: string): Promise<unknown>;
  readonly model?: typeof plain;
  readonly acceptRollback?: AcceptRollback;
  readonly code: LanestoreErrorCode;
  readonly text: RegExp;
}

const SCHEMA = 'meta/schema';
const otherModel = {
  model: OTHER,
  code: 'LANESTORE_SCHEMA',
  text: /with the model "plain\/1", not "other\/1"/,
} as const;
const newer = { code: 'LANESTORE_SCHEMA', text: /has format 2; this version reads format 1/ } as const;
const notRolledBack = { code: 'LANESTORE_INVALID', text: /the store is not rolled back/ } as const;

const CASES: readonly Case[] = [
  { what: 'another model, just created', make: (path) => append(path, 0, 0), ...otherModel },
  { what: 'another model, in the log', make: inLog, ...otherModel },
  { what: 'another model, in a table', make: inTable, ...otherModel },
  { what: 'another model, in a table and a log', make: inBoth, ...otherModel },
  {
    what: 'another model, with what an interrupted creation left',
    async make(path) {
      await inLog(path);
      mkdirSync(join(path, 'level.creating-00'));
      writeFileSync(join(path, 'level.creating-00', 'CURRENT'), 'x');
    },
    ...otherModel,
  },
  { what: 'a newer format, in the log', make: formatTwoInLog, ...newer },
  {
    what: 'a newer format, in a table',
    async make(path) {
      await inLog(path);
      await rewriteBody(path, SCHEMA, (body) => ({ ...body, format: 2 }));
    },
    ...newer,
  },
  {
    what: 'a schema that was deleted',
    async make(path) {
      await inLog(path);
      await rawBatch(path, [{ type: 'del', key: SCHEMA }]);
    },
    code: 'LANESTORE_CORRUPT',
    text: /meta\/schema is missing/,
  },
  {
    what: 'a schema that is no record',
    async make(path) {
      await inLog(path);
      await rawBatch(path, [{ type: 'put', key: SCHEMA, value: new Uint8Array([1]) }]);
    },
    code: 'LANESTORE_CORRUPT',
    text: /meta\/schema is damaged/,
  },
  { what: 'acceptRollback of a sound store', make: inLog, acceptRollback: { seq: 3n }, ...notRolledBack },
  { what: 'acceptRollback of another model', make: inLog, acceptRollback: { seq: 3n }, ...otherModel },
];

for (const { what, make, model = plain, acceptRollback, code, text } of CASES) {
  test(
    `${what}: ${code}`,
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      await make(location);
      const before = treeHash(dir);
      const options = acceptRollback === undefined ? { model } : { model, acceptRollback };
      await refused(openLevel(location, options), code, text);
      assert.is(treeHash(dir), before);
      await refused(openLevel(location, options), code, text);
      assert.is(treeHash(dir), before);
    }),
  );
}

test(
  'a sound store opens after it was refused',
  inTemp(async (dir) => {
    for (const make of [inLog, inTable, inBoth]) {
      const location = join(dir, make.name);
      await make(location);
      await refused(openLevel(location, { model: OTHER }), 'LANESTORE_SCHEMA');
      await using store = await open(location);
      assert.ok(store.takeRecovered().blocks.get('0a')!.length >= ROUNDS);
    }
  }),
);

test.run();
