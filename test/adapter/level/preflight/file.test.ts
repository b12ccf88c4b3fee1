/** The reader of preflight: whatever it keeps in memory, a read returns the bytes of the file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FileReader } from '../../../../src/adapter/level/preflight/file.js';
import { diskReads, type FileReads } from '../../../../src/base/files.js';
import { inTemp } from '../../../support/temp.js';

const SIZE = 1000;
const bytes = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >> 8)) & 0xff));

/** Counts the reads of files. */
function counting(): { readonly files: FileReads; reads: number } {
  const counter = {
    reads: 0,
    files: {
      async open(path: string) {
        const file = await diskReads.open(path);
        const read = (into: Uint8Array, position: number) => {
          counter.reads++;
          return file.read(into, position);
        };
        return { bytes: file.bytes, read, close: () => file.close() };
      },
    },
  };
  return counter;
}

const place = fc.nat({ max: SIZE + 50 });
const step = fc.record({
  what: fc.constantFrom('read', 'readAhead', 'portions'),
  range: fc.tuple(place, place).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
  portionBytes: fc.integer({ min: 1, max: 400 }),
});

const test = suite('files that preflight reads');

test(
  'whatever was read ahead or in portions, a read returns the bytes of its range',
  inTemp(async (dir) => {
    const path = join(dir, 'file');
    writeFileSync(path, bytes);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) =>
        new FileReader().with(path, async (file) => {
          for (const { what, range, portionBytes } of steps) {
            const [from, to] = range;
            if (what === 'readAhead') await file.readAhead(from, to);
            else if (what === 'read') assert.equal(await file.read(from, to), bytes.subarray(from, to));
            else {
              const read: Buffer[] = [];
              await file.portions(from, to, (portion) => read.push(Buffer.from(portion)), portionBytes);
              assert.equal(Buffer.concat(read), bytes.subarray(from, to));
            }
          }
        }),
      ),
      { numRuns: 300 },
    );
  }),
);

test(
  'what was read ahead, and the last two portions, are not read again, and a copy of them is returned',
  inTemp(async (dir) => {
    const path = join(dir, 'file');
    writeFileSync(path, bytes);
    const counter = counting();
    await new FileReader(counter.files).with(path, async (file) => {
      await file.readAhead(900, SIZE);
      const { reads } = counter;
      const part = await file.read(950, SIZE);
      part.fill(0);
      assert.equal(await file.read(940, SIZE), bytes.subarray(940));
      assert.is(counter.reads, reads);

      await file.portions(0, SIZE, () => undefined, 300);
      const after = counter.reads;
      assert.equal(await file.read(610, 890), bytes.subarray(610, 890));
      assert.equal(await file.read(910, SIZE), bytes.subarray(910));
      assert.is(counter.reads, after);
      assert.equal(await file.read(0, 10), bytes.subarray(0, 10), 'its memory was used again');
      assert.is(counter.reads, after + 1);
    });
  }),
);

test(
  'portions of another file take the memory: then the file is read again',
  inTemp(async (dir) => {
    const [path, otherPath] = [join(dir, 'file'), join(dir, 'other')];
    writeFileSync(path, bytes);
    writeFileSync(otherPath, Buffer.alloc(SIZE, 0xee));
    const reader = new FileReader();
    await reader.with(path, async (file) => {
      await file.portions(0, SIZE, () => undefined);
      await reader.with(otherPath, (other) => other.portions(0, SIZE, () => undefined));
      assert.equal(await file.read(100, 200), bytes.subarray(100, 200));
    });
  }),
);

test(
  'portions whose processing fails reject only when the read under way has ended',
  inTemp(async (dir) => {
    const path = join(dir, 'file');
    writeFileSync(path, bytes);
    let underWay = 0;
    const slow: FileReads = {
      async open(name) {
        const file = await diskReads.open(name);
        const read = async (into: Uint8Array, position: number) => {
          underWay++;
          await new Promise((resolve) => setTimeout(resolve, 5));
          return file.read(into, position).finally(() => underWay--);
        };
        return { bytes: file.bytes, read, close: () => file.close() };
      },
    };
    const fail = () => {
      throw new RangeError('a fault of the sink');
    };
    await new FileReader(slow).with(path, async (file) => {
      const error = await file.portions(0, SIZE, fail, 100).catch((reason: unknown) => reason);
      assert.instance(error, RangeError);
      assert.is(underWay, 0);
    });
  }),
);

test.run();
