/** Locations: which become a store, which open, and which are refused and left unchanged. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../../../src/adapter/level/index.js';
import type { LanestoreErrorCode } from '../../../../src/errors.js';
import { dump, findingLines, rawBatch, refused, tree } from '../../../support/faults.js';
import { withTmpfs } from '../../../support/faults-mount.js';
import { plain, plainBlock, plainBlocks } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

/** Without a watermark: some of the disks here are tiny. */
const open = (location: string) => openLevel(location, { model: plain, minFreeBytes: 0 });

/** Opens, appends one block to lane 0a, closes; gives the number of blocks that there are then. */
async function addBlock(location: string): Promise<number> {
  await using store = await open(location);
  const number = store.cursors.lanes.get('0a')?.next ?? 0n;
  assert.is(store.takeRecovered().blocks.get('0a')?.length ?? 0, Number(number));
  await store.persist({ blocks: [plainBlock('0a', number)] });
  return Number(number) + 1;
}

/** What a location with a store holds, and nothing else. */
function assertNames(location: string, others: readonly string[] = []): void {
  assert.equal(readdirSync(location).sort(), ['level', 'witness', ...others].sort());
}

const creation = suite('a new store');

creation(
  'in an absent directory, its parents absent too: made, private, and only with the names of a store',
  inTemp(async (dir) => {
    const location = join(dir, 'a', 'b', 'c');
    assert.is(await addBlock(location), 1);
    assert.is(await addBlock(location), 2);
    assertNames(location);
    assert.equal(readdirSync(dir), ['a']);
    for (const made of ['a', 'a/b', 'a/b/c']) assert.is(statSync(join(dir, made)).mode & 0o777, 0o700, made);
    assert.is(statSync(join(location, 'witness')).mode & 0o777, 0o600);
    assert.is(statSync(join(location, 'witness')).size, 8192);
    assert.ok(existsSync(join(location, 'level', 'CURRENT')));
  }),
);

creation(
  "in an empty directory: made, the mode of the directory is its owner's matter",
  inTemp(async (dir) => {
    const location = join(dir, 'mine');
    mkdirSync(location);
    chmodSync(location, 0o750);
    assert.is(await addBlock(location), 1);
    assertNames(location);
    assert.is(statSync(location).mode & 0o777, 0o750);
  }),
);

creation(
  'in the root of a file system, which has a lost+found: made',
  inTemp(async (dir) => {
    mkdirSync(join(dir, 'lost+found'));
    assert.is(await addBlock(dir), 1);
    assert.is(await addBlock(dir), 2);
    assertNames(dir, ['lost+found']);
  }),
);

creation(
  'holds schema, tip and votes, and no rounds',
  inTemp(async (dir) => {
    await (await open(dir)).close();
    assert.equal([...(await dump(dir)).keys()], ['meta/schema', 'meta/tip', 'votes']);
    await using store = await open(dir);
    assert.is(store.seq, 0n);
    assert.equal(store.takeRecovered(), { commitQCs: [], blocks: new Map() });
    assert.equal(store.cursors, { lanes: new Map(), commitQCs: { first: 0n, next: 0n } });
  }),
);

creation(
  'has an id of its own',
  inTemp(async (dir) => {
    const tips: (string | undefined)[] = [];
    for (const name of ['a', 'b']) {
      await (await open(join(dir, name))).close();
      tips.push((await dump(join(dir, name))).get('meta/tip'));
    }
    assert.is.not(tips[0], tips[1]);
  }),
);

creation(
  'is found again by its relative path, a trailing slash, dots and symlinks',
  inTemp(async (dir) => {
    const location = join(dir, 'real');
    mkdirSync(location);
    symlinkSync('real', join(dir, 'link'));
    symlinkSync(dir, join(dir, 'parent'));
    const names = [
      location,
      `${location}/`,
      relative(process.cwd(), location),
      join(dir, 'link'),
      `${dir}/link/`,
      `${dir}/x/../parent/link/.`,
    ];
    mkdirSync(join(dir, 'x'));
    for (const [i, name] of names.entries()) assert.is(await addBlock(name), i + 1, name);
    assertNames(location);
  }),
);

creation(
  'through a symlink is made behind it',
  inTemp(async (dir) => {
    mkdirSync(join(dir, 'real'));
    symlinkSync('real', join(dir, 'link'));
    await addBlock(join(dir, 'link', 'new'));
    assertNames(join(dir, 'real', 'new'));
  }),
);

creation(
  'createIfMissing: false refuses what is absent or empty, and makes nothing',
  inTemp(async (dir) => {
    const options = { model: plain, createIfMissing: false };
    for (const location of [join(dir, 'absent'), join(dir, 'absent', 'deep'), dir]) {
      await refused(openLevel(location, options), 'LANESTORE_NOT_A_STORE');
      assert.equal(readdirSync(dir), []);
    }
    // An interrupted creation is not a store either, and stays for the open that finishes it.
    mkdirSync(join(dir, 'level.creating'));
    await refused(openLevel(dir, options), 'LANESTORE_NOT_A_STORE');
    assert.equal(readdirSync(dir), ['level.creating']);
    await addBlock(dir);
    const store = await openLevel(dir, options);
    assert.is(store.seq, 1n);
    await store.close();
  }),
);

const leftovers = suite('a creation that was cut short');

for (const [what, leave] of [
  ['an empty level.creating', () => undefined],
  ['a level.creating without CURRENT', (path) => writeFileSync(join(path, 'MANIFEST-000001'), 'half')],
  [
    'a level.creating with a CURRENT that names nothing',
    (path) => writeFileSync(join(path, 'CURRENT'), 'MANIFEST-000009\n'),
  ],
  ['a level.creating with an empty CURRENT', (path) => writeFileSync(join(path, 'CURRENT'), '')],
  ['a level.creating with garbage', (path) => writeFileSync(join(path, 'MANIFEST-000001'), Buffer.alloc(5000, 0x5a))],
] as readonly (readonly [string, (path: string) => void])[]) {
  leftovers(
    `${what}: made anew, and removed`,
    inTemp(async (dir) => {
      const path = join(dir, 'level.creating');
      mkdirSync(path);
      leave(path);
      assert.is(await addBlock(dir), 1);
      assertNames(dir);
      assert.is(await addBlock(dir), 2);
    }),
  );
}

leftovers(
  'a whole level.creating, not renamed yet: used or made anew, a store without rounds',
  inTemp(async (dir) => {
    await (await open(dir)).close();
    renameSync(join(dir, 'level'), join(dir, 'level.creating'));
    rmSync(join(dir, 'witness'));
    assert.is(await addBlock(dir), 1);
    assertNames(dir);
  }),
);

leftovers(
  'renamed, without its witness: goes on',
  inTemp(async (dir) => {
    await (await open(dir)).close();
    rmSync(join(dir, 'witness'));
    assert.is(await addBlock(dir), 1);
    assertNames(dir);
  }),
);

leftovers(
  'a level.creating beside a store: removed, the store is not touched',
  inTemp(async (dir) => {
    await addBlock(dir);
    mkdirSync(join(dir, 'level.creating'));
    writeFileSync(join(dir, 'level.creating', 'MANIFEST-000001'), 'half');
    assert.is(await addBlock(dir), 2);
    assertNames(dir);
  }),
);

const refusals = suite('a location that is refused');

/**
 * Makes something in an empty directory, which must be refused with `code`, twice, and be the same
 * afterwards, byte for byte.
 */
function mustRefuse(
  what: string,
  make: (dir: string) => void | Promise<void>,
  code: LanestoreErrorCode,
  message?: RegExp,
  findings: readonly string[] = [],
): void {
  refusals(
    `${what}: ${code}, nothing changed`,
    inTemp(async (dir) => {
      await make(dir);
      const before = tree(dir);
      for (let twice = 0; twice < 2; twice++) {
        const error = await refused(open(dir), code, message);
        assert.equal(findingLines(error), [...findings]);
        assert.equal(tree(dir), before);
        await refused(openLevel(dir, { model: plain, createIfMissing: false }), code);
        await refused(openLevel(dir, { model: plain, load: false }), code);
        assert.equal(tree(dir), before);
      }
    }),
  );
}

type Make = (dir: string) => void;
const all =
  (...steps: readonly Make[]): Make =>
  (dir) => {
    for (const step of steps) step(dir);
  };
const folder =
  (name: string): Make =>
  (dir) =>
    void mkdirSync(join(dir, name));
const touch =
  (...names: string[]) =>
  (dir: string) => {
    for (const name of names) writeFileSync(join(dir, name), 'x');
  };
async function foreignLevel(path: string): Promise<void> {
  const db = new ClassicLevel(path);
  await db.put('hello', 'world');
  await db.close();
}

mustRefuse('other files', touch('notes.txt', 'photo.jpg'), 'LANESTORE_NOT_A_STORE', /notes\.txt, photo\.jpg/);
mustRefuse('another directory', folder('src'), 'LANESTORE_NOT_A_STORE', /src/);
mustRefuse('a hidden file', touch('.gitignore'), 'LANESTORE_NOT_A_STORE', /\.gitignore/);
mustRefuse(
  'other files beside a level.creating',
  all(touch('notes.txt'), folder('level.creating')),
  'LANESTORE_NOT_A_STORE',
  /\(notes\.txt\)/,
);
mustRefuse('other files beside a lost+found', all(touch('a'), folder('lost+found')), 'LANESTORE_NOT_A_STORE');
mustRefuse('a LevelDB of somebody else', foreignLevel, 'LANESTORE_NOT_A_STORE', /LevelDB database itself/);
mustRefuse('level is a file', touch('level'), 'LANESTORE_NOT_A_STORE', /not a directory/);
mustRefuse('an empty level/', folder('level'), 'LANESTORE_CORRUPT', /empty/, ['current-missing level/CURRENT - -']);
mustRefuse(
  'a store without CURRENT',
  async (dir) => {
    await addBlock(dir);
    rmSync(join(dir, 'level', 'CURRENT'));
  },
  'LANESTORE_CORRUPT',
  /CURRENT is missing/,
  ['current-missing level/CURRENT - -'],
);
mustRefuse(
  'a witness without its database',
  async (dir) => {
    await addBlock(dir);
    rmSync(join(dir, 'level'), { recursive: true });
  },
  'LANESTORE_ROLLED_BACK',
  /witness but no level/,
  ['level-missing level - -'],
);
mustRefuse('values without their database', folder('values'), 'LANESTORE_ROLLED_BACK', /values but no level/, [
  'level-missing level - -',
]);
mustRefuse(
  'witness and values without their database',
  all(touch('witness'), folder('values')),
  'LANESTORE_ROLLED_BACK',
  undefined,
  ['level-missing level - -'],
);
mustRefuse(
  'a witness beside a level.creating: a new store must not stand in for a lost one',
  all(touch('witness'), folder('level.creating')),
  'LANESTORE_ROLLED_BACK',
  undefined,
  ['level-missing level - -'],
);

refusals(
  'a file: LANESTORE_NOT_A_STORE',
  inTemp(async (dir) => {
    const path = join(dir, 'file');
    writeFileSync(path, 'x');
    await refused(open(path), 'LANESTORE_NOT_A_STORE', /not a directory/);
    symlinkSync('file', join(dir, 'link'));
    await refused(open(join(dir, 'link')), 'LANESTORE_NOT_A_STORE');
    assert.equal(tree(dir).size, 2);
  }),
);

refusals(
  'below a file: LANESTORE_IO',
  inTemp(async (dir) => {
    writeFileSync(join(dir, 'file'), 'x');
    await refused(open(join(dir, 'file', 'store')), 'LANESTORE_IO');
  }),
);

refusals(
  'a symlink to nowhere: LANESTORE_IO, and nowhere stays empty',
  inTemp(async (dir) => {
    symlinkSync('nowhere', join(dir, 'link'));
    await refused(open(join(dir, 'link')), 'LANESTORE_IO');
    assert.equal(readdirSync(dir), ['link']);
  }),
);

refusals(
  'the database of somebody else under level/: LANESTORE_NOT_A_STORE, its content is left',
  inTemp(async (dir) => {
    await foreignLevel(join(dir, 'level'));
    for (let twice = 0; twice < 2; twice++) {
      await refused(open(dir), 'LANESTORE_NOT_A_STORE', /meta\/schema/);
      assert.equal(await dump(dir), new Map([['hello', Buffer.from('world').toString('hex')]]));
      assert.equal(readdirSync(dir), ['level']);
    }
  }),
);

refusals(
  'an empty database under level/, without a witness: LANESTORE_NOT_A_STORE',
  inTemp(async (dir) => {
    const db = new ClassicLevel(join(dir, 'level'));
    await db.open();
    await db.close();
    await refused(open(dir), 'LANESTORE_NOT_A_STORE');
    assert.equal(readdirSync(dir), ['level']);
  }),
);

refusals(
  'a database that lost everything, beside its witness: a damaged store, not "no store"',
  inTemp(async (dir) => {
    await addBlock(dir);
    const keys = [...(await dump(dir)).keys()];
    await rawBatch(
      dir,
      keys.map((key) => ({ type: 'del', key })),
    );
    const error = await refused(open(dir), 'LANESTORE_CORRUPT');
    assert.equal(findingLines(error), ['schema-missing meta/schema - -']);
  }),
);

refusals('an empty path: LANESTORE_INVALID', async () => void (await refused(open(''), 'LANESTORE_INVALID')));

refusals('arguments of a wrong type: TypeError', async () => {
  const call = openLevel as (...args: unknown[]) => Promise<unknown>;
  for (const args of [
    [],
    [5],
    [null],
    ['x'],
    ['x', {}],
    [{}],
    [{ model: plain }],
    [{ db: {} }],
    [undefined, { model: plain }],
  ]) {
    try {
      await call(...args);
    } catch (error) {
      assert.instance(error, TypeError, JSON.stringify(args.map(String)));
      continue;
    }
    assert.unreachable();
  }
  assert.not.ok(existsSync('x'));
});

refusals(
  'limits that are no positive whole numbers: LANESTORE_INVALID, nothing is made',
  inTemp(async (dir) => {
    for (const name of ['maxRoundBytes', 'maxQueuedBytes', 'maxMergeBytes']) {
      for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
        await refused(
          openLevel(join(dir, 'new'), { model: plain, [name]: value }),
          'LANESTORE_INVALID',
          new RegExp(name),
        );
      }
    }
    assert.equal(readdirSync(dir), []);
  }),
);

const system = suite('what the system refuses');

system('a place where nothing can be made: LANESTORE_IO, with its cause', async () => {
  if (!existsSync('/proc/self')) return void process.stdout.write('\n  skipped: no /proc here\n');
  const error = await refused(open('/proc/lanestore-x'), 'LANESTORE_IO');
  assert.is((error.cause as NodeJS.ErrnoException).code, 'ENOENT');
});

system(
  'a read-only file system: LANESTORE_IO for a new store and for one that is there, which is unharmed',
  inTemp(async (dir) => {
    const disk = join(dir, 'disk');
    await withTmpfs('read-only file system', disk, '8m', async (remount) => {
      const location = join(disk, 'store');
      await addBlock(location);
      remount('ro');
      await refused(open(location), 'LANESTORE_IO');
      await refused(open(join(disk, 'new')), 'LANESTORE_IO');
      mkdirSync(join(dir, 'other'));
      remount('rw');
      assert.is(await addBlock(location), 2);
      assert.equal(readdirSync(disk), ['store']);
    });
  }),
);

system(
  'a full disk: LANESTORE_IO for a new store; with room again it is made',
  inTemp(async (dir) => {
    const disk = join(dir, 'disk');
    await withTmpfs('a new store on a full disk', disk, '1m', async () => {
      fill(join(disk, 'filler'));
      const location = join(disk, 'store');
      for (let twice = 0; twice < 2; twice++) await refused(open(location), 'LANESTORE_IO');
      rmSync(join(disk, 'filler'));
      assert.is(await addBlock(location), 1);
      assertNames(location);
    });
  }),
);

system(
  'a full disk: LANESTORE_IO for a store that is there; with room again nothing is lost',
  inTemp(async (dir) => {
    const disk = join(dir, 'disk');
    await withTmpfs('a store on a full disk', disk, '4m', async () => {
      const location = join(disk, 'store');
      const data = new Uint8Array(400_000).fill(7);
      {
        await using store = await openLevel(location, { model: plain, minFreeBytes: 0, values: false });
        for (let i = 0; i < 3; i++) await store.persist({ blocks: [plainBlock('0a', i, data)] });
      }
      fill(join(disk, 'filler'));
      for (let twice = 0; twice < 2; twice++) await refused(open(location), 'LANESTORE_IO');
      rmSync(join(disk, 'filler'));
      await using store = await open(location);
      assert.equal(
        store.takeRecovered().blocks.get('0a'),
        [0, 1, 2].map((i) => plainBlock('0a', i, data)),
      );
    });
  }),
);

/** Writes a file until there is no room for a page. */
function fill(path: string): void {
  const page = Buffer.alloc(4096, 1);
  for (let length = 1 << 20; length >= page.length; ) {
    try {
      writeFileSync(path, Buffer.alloc(length, 1), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      length >>= 1;
    }
  }
}

system(
  'files that others put beside a store do not matter',
  inTemp(async (dir) => {
    await addBlock(dir);
    touch('README', 'backup.tar')(dir);
    assert.is(await addBlock(dir), 2);
    assertNames(dir, ['README', 'backup.tar']);
  }),
);

system(
  'is usable again after close, any number of times',
  inTemp(async (dir) => {
    for (let i = 1; i <= 5; i++) assert.is(await addBlock(dir), i);
    const store = await open(dir);
    assert.equal(store.takeRecovered().blocks.get('0a'), plainBlocks('0a', 0, 5));
    await Promise.all([store.close(), store.close(), store[Symbol.asyncDispose]()]);
    await store.close();
    assert.is(await addBlock(dir), 6);
  }),
);

creation.run();
leftovers.run();
refusals.run();
system.run();
