/**
 * A/B files: the cases of persist_test.go at 11419398f and since 78c53ddf1 (docs/original.md, Test
 * cases: A/B files).
 */
import { linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ABFile, type ABFileOptions } from '../../../src/adapter/wal/ab-file.js';
import { decodeAB, encodeAB } from '../../../src/adapter/wal/ab-format.js';
import { refused } from '../../support/faults.js';
import { inTemp } from '../../support/temp.js';
import { WatchedFiles } from './watched-files.js';

const ascii = (text: string) => new TextEncoder().encode(text);
const paths = (dir: string) => [join(dir, 'test_a.pb'), join(dir, 'test_b.pb')] as const;
const seqIn = (path: string) => {
  const content = decodeAB(readFileSync(path));
  return typeof content === 'string' ? content : content.seq;
};

async function withPair<T>(dir: string, use: (pair: ABFile) => Promise<T>, options?: ABFileOptions): Promise<T> {
  const pair = await ABFile.open(dir, 'test', options);
  try {
    return await use(pair);
  } finally {
    await pair.close();
  }
}

const writeAll = (dir: string, texts: string[], options?: ABFileOptions) =>
  withPair(
    dir,
    async (pair) => {
      for (const text of texts) await pair.write(ascii(text));
    },
    options,
  );

const loaded = (dir: string) => withPair(dir, async (pair) => pair.loaded && Buffer.from(pair.loaded).toString());

for (const encoding of ['crc', 'wrapper'] as const) {
  const test = suite(`wal: A/B files, ${encoding}`);
  const options = { encoding };

  test(
    'both files are made at open, empty and private; writes alternate A, B, A',
    inTemp(async (dir) => {
      const [a, b] = paths(dir);
      await withPair(
        dir,
        async (pair) => {
          assert.is(pair.loaded, undefined);
          assert.is(pair.seq, 0n);
          for (const path of [a, b]) {
            assert.is(statSync(path).size, 0);
            assert.is(statSync(path).mode & 0o777, 0o600);
          }
          await pair.write(ascii('one'));
          assert.equal([seqIn(a), statSync(b).size], [1n, 0]);
          await pair.write(ascii('two'));
          assert.equal([seqIn(a), seqIn(b)], [1n, 2n]);
          await pair.write(ascii('3'));
          assert.equal([seqIn(a), seqIn(b)], [3n, 2n]);
          assert.is(pair.seq, 3n);
        },
        options,
      );
      assert.equal(readFileSync(a), encodeAB(encoding, 3n, ascii('3')), 'no bytes of the earlier, longer value');
      assert.is(await loaded(dir), '3');
    }),
  );

  for (const count of [2, 3]) {
    test(
      `the higher seq counts, and the next write keeps it: after ${count} writes`,
      inTemp(async (dir) => {
        await writeAll(dir, ['one', 'two', 'three'].slice(0, count), options);
        const newest = paths(dir)[count % 2 === 1 ? 0 : 1];
        const before = readFileSync(newest);
        await withPair(dir, async (pair) => {
          assert.is(pair.seq, BigInt(count));
          assert.is(pair.encoding, encoding);
          await pair.write(ascii('next'));
        });
        assert.equal(readFileSync(newest), before);
        assert.is(await loaded(dir), 'next');
      }),
    );
  }

  for (const [what, damage] of [
    ['garbage', () => ascii('corrupt data')],
    ['cut short', (file: Uint8Array) => file.subarray(0, file.length - 1)],
    ['zeros', (file: Uint8Array) => new Uint8Array(file.length)],
  ] as const) {
    test(
      `the newest one is damaged (${what}): the other counts, and the next write replaces the damaged one`,
      inTemp(async (dir) => {
        const [a, b] = paths(dir);
        await writeAll(dir, ['one', 'two'], options);
        writeFileSync(b, damage(readFileSync(b)));
        assert.is(await loaded(dir), 'one');
        await withPair(dir, (pair) => pair.write(ascii('again')));
        assert.equal([seqIn(a), seqIn(b)], [1n, 2n]);
        assert.is(await loaded(dir), 'again');
      }),
    );

    test(
      `the only one is damaged (${what}): LANESTORE_CORRUPT, not a fresh start`,
      inTemp(async (dir) => {
        const [a, b] = paths(dir);
        await writeAll(dir, ['one'], options);
        writeFileSync(a, damage(readFileSync(a)));
        const before = readFileSync(a);
        const error = await refused(ABFile.open(dir, 'test'), 'LANESTORE_CORRUPT');
        assert.equal(
          error.findings?.map(({ kind, file }) => [kind, file]),
          [['ab-unusable', 'test_a.pb']],
        );
        assert.equal([readFileSync(a), statSync(b).size], [before, 0], 'nothing was touched');
      }),
    );
  }

  test(
    'a failed write takes no seq, keeps the last value, and the next write goes to the same file',
    inTemp(async (dir) => {
      const [a, b] = paths(dir);
      const files = new WatchedFiles();
      await withPair(
        dir,
        async (pair) => {
          await pair.write(ascii('one'));
          files.before = ({ kind }) => {
            if (kind === 'sync') throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
          };
          const error = await refused(pair.write(ascii('two, and longer')), 'LANESTORE_FAILED', /no space/);
          assert.is((error.cause as { code?: string }).code, 'ENOSPC');
          assert.is(pair.seq, 1n);
          files.before = () => {};
          await pair.write(ascii('2'));
        },
        { encoding, files },
      );
      assert.equal(readFileSync(a), encodeAB(encoding, 1n, ascii('one')));
      assert.equal(readFileSync(b), encodeAB(encoding, 2n, ascii('2')));
    }),
  );

  test.run();
}

const test = suite('wal: A/B files');

test(
  'equal seqs are damage',
  inTemp(async (dir) => {
    for (const path of paths(dir)) writeFileSync(path, encodeAB('crc', 5n, ascii(path)));
    const error = await refused(ABFile.open(dir, 'test'), 'LANESTORE_CORRUPT');
    assert.equal(
      error.findings?.map(({ kind }) => kind),
      ['ab-same-seq'],
    );
  }),
);

test(
  'the encodings may be mixed; the newest one decides the encoding of the next write',
  inTemp(async (dir) => {
    const [a, b] = paths(dir);
    writeFileSync(a, encodeAB('wrapper', 5n, ascii('old')));
    writeFileSync(b, encodeAB('crc', 6n, ascii('new')));
    await withPair(dir, async (pair) => {
      assert.is(pair.encoding, 'crc');
      assert.is(Buffer.from(pair.loaded!).toString(), 'new');
      await pair.write(ascii('newer'));
    });
    assert.equal(readFileSync(a), encodeAB('crc', 7n, ascii('newer')));
  }),
);

test(
  'files that were swapped: the value that counts is not overwritten',
  inTemp(async (dir) => {
    const [a, b] = paths(dir);
    writeFileSync(a, encodeAB('crc', 4n, ascii('newest')));
    writeFileSync(b, encodeAB('crc', 3n, ascii('older')));
    await withPair(dir, (pair) => pair.write(ascii('next')));
    assert.equal(readFileSync(a), encodeAB('crc', 4n, ascii('newest')));
    assert.is(await loaded(dir), 'next');
  }),
);

test(
  'an absent directory, or a file in its place: LANESTORE_NOT_A_STORE',
  inTemp(async (dir) => {
    writeFileSync(join(dir, 'file'), '');
    for (const name of ['absent', 'file']) {
      await refused(ABFile.open(join(dir, name), 'test'), 'LANESTORE_NOT_A_STORE', /invalid state dir/);
    }
  }),
);

test(
  'a file that cannot be read is LANESTORE_IO, neither damage nor a fresh start',
  inTemp(async (dir) => {
    mkdirSync(paths(dir)[0]);
    const error = await refused(ABFile.open(dir, 'test'), 'LANESTORE_IO');
    assert.is((error.cause as { code?: string }).code, 'EISDIR');
  }),
);

for (const [what, kind] of [
  ['cannot be made', 'open'],
  ['has a name that may not be durable', 'syncDirectory'],
] as const) {
  test(
    `a file with another name, when the one for its place ${what}: the next write does not go into either`,
    inTemp(async (dir) => {
      const [a] = paths(dir);
      const backup = join(dir, 'backup');
      const files = new WatchedFiles();
      await withPair(
        dir,
        async (pair) => {
          for (const text of ['one', 'two']) await pair.write(ascii(text));
          linkSync(a, backup);
          files.before = (operation) => {
            if (operation.kind !== kind) return;
            files.before = () => {};
            // As on a full disk, or without free descriptors, between two system calls.
            if (kind === 'open') unlinkSync(operation.path);
            throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
          };
          await refused(pair.write(ascii('three')), 'LANESTORE_FAILED', /the disk is full/);
          files.done.length = 0;
          await pair.write(ascii('four'));
          assert.ok(files.log.includes(`syncDirectory ${basename(dir)}`), files.log.join());
        },
        { files },
      );
      assert.is(await loaded(dir), 'four');
      assert.is(seqIn(backup), 1n);
    }),
  );
}

test(
  'a file that cannot be made is LANESTORE_IO',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    files.before = () => {
      throw Object.assign(new Error('read-only'), { code: 'EROFS' });
    };
    await refused(ABFile.open(dir, 'test', { files }), 'LANESTORE_IO', /read-only/);
  }),
);

test(
  'a lazy pair makes its files at the first write, and their names are durable before that write is done',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    await withPair(
      dir,
      async (pair) => {
        assert.equal(files.log, []);
        await pair.write(ascii('one'));
        assert.ok(files.log.indexOf(`syncDirectory ${dir.split('/').at(-1)}`) > files.log.indexOf('open test_b.pb'));
      },
      { lazy: true, files },
    );
    assert.is(await loaded(dir), 'one');
  }),
);

test(
  'after close every write is refused',
  inTemp(async (dir) => {
    const pair = await ABFile.open(dir, 'test');
    await pair.close();
    await pair.close();
    await refused(pair.write(ascii('x')), 'LANESTORE_CLOSED');
  }),
);

test.run();
