/**
 * Each file operation of a creation, of a witness and of the preflight fails in turn. The caller
 * gets an error with a code, and nothing is lost or blocked.
 */
import { linkSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../../src/adapter/level/index.js';
import { diskReads, type FileReads, type Files } from '../../../src/base/files.js';
import { openBelow } from '../../support/descriptors.js';
import { refused, tree } from '../../support/faults.js';
import { FaultyFiles } from '../../support/faulty-files.js';
import { plain, plainBlock } from '../../support/plain-model.js';
import { onPlatform } from '../../support/platform.js';
import { inTemp } from '../../support/temp.js';

const CODES = ['EIO', 'ENOSPC'] as const;

const open = (location: string, files?: Files) =>
  openLevel(location, { model: plain, ...(files === undefined ? {} : { files }) });

/** The blocks of lane 0a that the store in `location` holds. */
async function blocksIn(location: string): Promise<number> {
  await using store = await open(location);
  const { next = 0n } = store.cursors.lanes.get('0a') ?? {};
  for (let number = 0n; number < next; number++)
    assert.equal(await store.block('0a', number), plainBlock('0a', number));
  return Number(next);
}

const creation = suite('creation with a failing operation');

creation(
  'every name and the witness are made through the file-system port',
  inTemp(async (dir) => {
    const files = new FaultyFiles('EIO');
    await using store = await open(join(dir, 'new', 'store'), files);
    assert.is(store.seq, 0n);
    const names = ['level.creating', 'level', 'witness.new', 'witness', 'store', 'new'];
    for (const name of names)
      assert.ok(
        files.seen.some((seen) => seen.endsWith(` ${name}`)),
        name,
      );
  }),
);

for (const code of CODES) {
  creation(
    `${code} at any of them: LANESTORE_IO, nothing stays open, and the store can be created again`,
    inTemp(async (dir) => {
      let isDone = false;
      let at = 0;
      for (; !isDone; at++) {
        const location = join(dir, `${at}`, 'store');
        mkdirSync(join(dir, `${at}`));
        const files = new FaultyFiles(code, at);
        const opening = open(location, files);
        isDone = await opening.then(
          async (store) => {
            await store.close();
            return files.seen.length <= at;
          },
          () => false,
        );
        if (isDone) continue;
        const what = files.seen[at];
        const error = await refused(opening, 'LANESTORE_IO');
        assert.match(error.message, `${code}: injected`, what);
        assert.equal(openBelow(location), [], what);
        assert.is(await blocksIn(location), 0, what);
        assert.equal(readdirSync(location).sort(), ['level', 'witness'], what);
      }
      assert.ok(at > 10, `${at} operations`);
    }),
  );
}

creation.run();

const witness = suite('witness with a failing operation');

for (const code of CODES) {
  witness(
    `${code} when a round is written to the witness: LANESTORE_FAILED, and no acknowledged round is lost`,
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      const files = new FaultyFiles(code);
      const store = await open(location, files);
      await store.persist({ blocks: [plainBlock('0a', 0n)] });
      assert.is(files.seen.at(-1), 'writeNow witness');
      files.failAt = files.seen.length;
      await refused(store.persist({ blocks: [plainBlock('0a', 1n)] }), 'LANESTORE_FAILED');
      await refused(store.persist({ blocks: [plainBlock('0a', 2n)] }), 'LANESTORE_FAILED');
      await store.close();
      // The batch was durable before its number was written to the witness.
      assert.is(await blocksIn(location), 2);
    }),
  );

  witness(
    `${code} while a copy replaces a linked witness: LANESTORE_FAILED, the linked file keeps its bytes`,
    inTemp(async (dir) => {
      let steps = 1;
      for (let step = 0; step < steps; step++) {
        const location = join(dir, `${step}`);
        const files = new FaultyFiles(code);
        const store = await open(location, files);
        await store.persist({ blocks: [plainBlock('0a', 0n)] });
        const backup = `${location}-witness`;
        linkSync(join(location, 'witness'), backup);
        const held = readFileSync(backup);
        const before = files.seen.length;
        files.failAt = before + step;
        await refused(store.persist({ blocks: [plainBlock('0a', 1n)] }), 'LANESTORE_FAILED');
        await store.close();
        const what = files.seen[before + step];
        assert.equal(openBelow(location), [], what);
        assert.is(Buffer.compare(readFileSync(backup), held), 0, what);
        assert.is(await blocksIn(location), 2, what);
        if (step > 0) continue;
        // Number of operations when none fails.
        linkSync(join(location, 'witness'), `${location}-again`);
        const whole = new FaultyFiles(code);
        await (await open(location, whole)).close();
        steps = whole.seen.filter(
          (seen) => seen.endsWith(' witness.new') || /^(rename|syncDirectory)/.test(seen),
        ).length;
        assert.ok(steps >= 5, whole.seen.join(', '));
      }
    }),
  );
}

witness(
  'on macOS the disk cache is flushed after each batch, before the witness; elsewhere nothing is synced twice',
  inTemp(async (dir) => {
    const files = new FaultyFiles('EIO');
    const location = join(dir, 'store');
    const store = await open(location, files);
    const during = async (platform: NodeJS.Platform, number: bigint) => {
      const before = files.seen.length;
      await onPlatform(platform, () => store.persist({ blocks: [plainBlock('0a', number)] }));
      return files.seen.slice(before);
    };
    assert.equal(await during('darwin', 0n), ['sync witness', 'writeNow witness']);
    assert.equal(await during('linux', 1n), ['writeNow witness']);
    files.failAt = files.seen.length;
    const failing = onPlatform('darwin', () => store.persist({ blocks: [plainBlock('0a', 2n)] }));
    assert.match((await refused(failing, 'LANESTORE_FAILED')).message, 'EIO');
    assert.is(files.seen.at(-1), 'sync witness', 'the witness does not name what may not be durable');
    await store.close();
    assert.is(await blocksIn(location), 3);
  }),
);

witness.run();

const reading = suite('preflight with a failing read');

reading(
  'EIO at any open or read: LANESTORE_IO, never a corruption error, and no file of the store changes',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    for (let round = 0n; round < 3n; round++) {
      await using store = await open(location);
      await store.persist({ blocks: [plainBlock('0a', round)] });
    }
    const before = tree(location);
    let at = 0;
    for (let isDone = false; !isDone; at++) {
      let seen = 0;
      const begin = (path: string) => {
        if (seen++ === at) throw Object.assign(new Error(`EIO: injected, ${path}`), { code: 'EIO' });
      };
      const reads: FileReads = {
        open: async (path) => {
          begin(path);
          const file = await diskReads.open(path);
          const read = async (into: Uint8Array, position: number) => {
            begin(path);
            return file.read(into, position);
          };
          return { bytes: file.bytes, read, close: () => file.close() };
        },
      };
      const opening = openLevel(location, { model: plain, reads });
      isDone = await opening.then(
        async (store) => {
          await store.close();
          return true;
        },
        () => false,
      );
      if (isDone) continue;
      const error = await refused(opening, 'LANESTORE_IO');
      assert.match(error.message, 'EIO: injected');
      assert.equal(openBelow(location), [], error.message);
      assert.equal(tree(location), before, error.message);
    }
    assert.ok(at > 8, `${at} reads`);
    assert.is(await blocksIn(location), 3);
  }),
);

reading.run();
