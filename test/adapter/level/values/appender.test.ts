/**
 * The layout of the appender, for any records: each record is whole in one file, every sector is
 * written once, and a reference leads to the bytes of its record.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ValueRef } from '../../../../src/adapter/level/format/value-ref.js';
import { Appender } from '../../../../src/adapter/level/values/appender.js';
import { valueFileName } from '../../../../src/adapter/level/values/names.js';
import { SECTOR_BYTES, type ValueOptions, valueSettings } from '../../../../src/adapter/level/values/options.js';
import { ValueFilePool } from '../../../../src/adapter/level/values/value-file-pool.js';
import { ValueIndex } from '../../../../src/adapter/level/values/value-index.js';
import { inTemp, withTemp } from '../../../support/temp.js';
import { WatchedFiles } from '../../wal/watched-files.js';

const test = suite('separated values: the appender');

const FILE_BYTES = 64 * 1024;

/** An appender with its files and its index. */
function appenderIn(dir: string, portionsMax: number, options: ValueOptions = {}) {
  const files = new WatchedFiles();
  const settings = valueSettings({ fileBytes: FILE_BYTES, files, ...options });
  const references = new ValueIndex(() => undefined);
  const values = join(dir, 'values');
  const space = new ValueFilePool({
    dir: values,
    files,
    fileBytes: FILE_BYTES,
    filesKept: 4,
    allows: async () => true,
    nextNumber: 0n,
    usage: () => references,
  });
  const appender = new Appender({ dir: values, settings, store: '', references, pool: space }, portionsMax);
  return { appender, space, references, files, values };
}

/** A record that differs from its neighbours in every byte; no byte is 0. */
function recordOf(bytes: number, seed: number): Uint8Array {
  return new Uint8Array(bytes).map((_, i) => 1 + ((seed * 31 + i * 7) % 251));
}

const records = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 4, max: 9000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 6 }).map((sectors) => sectors * SECTOR_BYTES) },
    { weight: 1, arbitrary: fc.integer({ min: FILE_BYTES - 5000, max: FILE_BYTES + 5000 }) },
  ),
  { minLength: 1, maxLength: 25 },
);

test('any records, in any calls, in portions of any size', async () => {
  const settings = fc.record({
    calls: fc.array(records, { minLength: 1, maxLength: 5 }),
    portionsMax: fc.integer({ min: 1, max: 5 }),
    portionBytesMin: fc.integer({ min: 1, max: 40_000 }),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ calls, portionsMax, portionBytesMin }) =>
      withTemp(async (dir) => {
        const { appender, space, references, files, values } = appenderIn(dir, portionsMax, { portionBytesMin });
        const stored: { readonly reference: ValueRef; readonly record: Uint8Array }[] = [];
        /** Sectors written, by file. */
        const sectors = new Map<string, Set<number>>();
        let writes = 0;
        files.before = ({ kind, path, data, position = 0 }) => {
          if (kind !== 'write' || data === undefined || data.every((byte) => byte === 0)) return;
          writes++;
          assert.is(position % SECTOR_BYTES, 0);
          assert.is(data.length % SECTOR_BYTES, 0);
          const written = sectors.get(path) ?? new Set();
          sectors.set(path, written);
          for (let at = position; at < position + data.length; at += SECTOR_BYTES) {
            assert.not.ok(written.has(at), `sector ${at} is written twice`);
            written.add(at);
          }
        };
        for (const [call, sizes] of calls.entries()) {
          const given = sizes.map((bytes, i) => recordOf(bytes, call * 100 + i));
          writes = 0;
          let asked = 0;
          const appended = await appender.append(
            given.map((record, i) => ({
              bytes: record.length,
              record: () => {
                assert.is(asked++, i, 'each record is requested once, in order');
                return record;
              },
            })),
            true,
          );
          assert.ok(appended);
          await appended.durable;
          assert.is(asked, given.length);
          const used = new Set(appended.references.map(({ file }) => file));
          assert.ok(
            writes <= portionsMax - 1 + used.size,
            `${writes} writes, ${used.size} files, at most ${portionsMax}`,
          );
          for (const [i, reference] of appended.references.entries()) stored.push({ reference, record: given[i]! });
        }
        for (const { reference, record } of stored) {
          const file = readFileSync(join(values, valueFileName(reference.file)));
          const { offset, length } = reference;
          assert.is(length, record.length);
          assert.is(Buffer.compare(file.subarray(offset, offset + length), record), 0);
        }
        for (const { file: number } of stored.map(({ reference }) => reference)) references.unpin(number);
        await space.stop();
        await appender.close();
      }),
    ),
    { numRuns: 60 },
  );
});

test(
  'a call is not divided where its end is too small for a sync of its own',
  inTemp(async (dir) => {
    const { appender, space, files } = appenderIn(dir, 4, { portionBytesMin: 20_000 });
    const written: number[] = [];
    files.before = ({ kind, data }) =>
      void (kind === 'write' && data?.some((byte) => byte !== 0) && written.push(data.length));
    const append = async (...sizes: number[]) => {
      written.length = 0;
      const appended = await appender.append(
        sizes.map((bytes, i) => ({ bytes, record: () => recordOf(bytes, i) })),
        true,
      );
      await appended?.durable;
      return [...written];
    };
    assert.equal(await append(10_000, 10_000, 19_999), [40_960], 'too few bytes after it');
    assert.equal(await append(20_100), [20_480], 'one record');
    assert.equal(await append(20_100, 20_100), [16_384, 24_576], 'the rest of a sector is written with the next bytes');
    await space.stop();
    await appender.close();
  }),
);

test.run();
