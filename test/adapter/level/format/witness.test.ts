/**
 * The witness: its bytes, its slots, and what each state of the file proves about the database next
 * to it.
 */
import fs, {
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { corruptionError } from '../../../../src/adapter/level/format/corruption-error.js';
import { firstTip } from '../../../../src/adapter/level/format/tip.js';
import { encodeSlot, parseWitness, WITNESS_BYTES, Witness } from '../../../../src/adapter/level/format/witness.js';
import { judgeWitness } from '../../../../src/adapter/level/format/witness-check.js';
import { openLevel } from '../../../../src/adapter/level/index.js';
import { diskFiles } from '../../../../src/base/files.js';
import { openBelow } from '../../../support/descriptors.js';
import { dump, findingLines, flipInFile, flipped, rawBatch, rawGet, refused } from '../../../support/faults.js';
import { plain, plainBlock } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

const STORE = Uint8Array.from({ length: 16 }, (_, i) => i);
const OTHER = new Uint8Array(16).fill(0xee);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A witness file with these slots; undefined leaves a slot empty, as creation does. */
function file(slot0?: Uint8Array, slot1?: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(WITNESS_BYTES);
  if (slot0 !== undefined) bytes.set(slot0, 0);
  if (slot1 !== undefined) bytes.set(slot1, 4096);
  return bytes;
}

const slot = (seq: bigint, store = STORE) => encodeSlot({ store, seq });
const tipAt = (seq: bigint) => ({ ...firstTip(STORE, 0), seq });

const slots = suite('witness slots');

slots('have exactly these bytes', () => {
  const expected = `4c535749544e5331 ${hex(STORE)} 0000000000000102 4fe8225c`.replaceAll(' ', '');
  assert.is(hex(slot(258n)), expected);
  assert.is(WITNESS_BYTES, 8192);
});

slots('the newest one comes first, wherever it lies', () => {
  for (const [bytes, seqs] of [
    [file(slot(4n), slot(5n)), [5n, 4n]],
    [file(slot(6n), slot(5n)), [6n, 5n]],
    [file(slot(0n)), [0n]],
    [file(undefined, slot(7n)), [7n]],
    [file(), []],
    [file(slot(2n ** 64n - 2n), slot(2n ** 64n - 1n)), [2n ** 64n - 1n, 2n ** 64n - 2n]],
  ] as const) {
    assert.equal(
      parseWitness(bytes).map(({ seq }) => seq),
      [...seqs],
    );
  }
});

slots('a torn one is none: every flipped bit, every truncation', () => {
  const bytes = slot(5n);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    assert.equal(
      parseWitness(file(slot(4n), flipped(bytes, bit))).map(({ seq }) => seq),
      [4n],
    );
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(
      parseWitness(file(slot(4n), bytes.subarray(0, length))).map(({ seq }) => seq),
      [4n],
    );
  }
});

slots('a file of any length is read without a throw', () => {
  const whole = file(slot(4n), slot(5n));
  for (const length of [0, 1, 35, 36, 37, 4095, 4096, 4097, 4131, 4132, 8191]) {
    const seqs = parseWitness(whole.subarray(0, length)).map(({ seq }) => seq);
    assert.equal(seqs, [...(length >= 4132 ? [5n] : []), ...(length >= 36 ? [4n] : [])], `${length} bytes`);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => assert.equal(parseWitness(bytes), [])));
});

slots(
  'alternate as seq does, in place, and the file keeps its size',
  inTemp(async (dir) => {
    const path = join(dir, 'witness');
    await Witness.create(diskFiles, path, STORE, 0n);
    assert.is(statSync(path).mode & 0o777, 0o600);
    const witness = await Witness.open(diskFiles, path, STORE);
    try {
      for (let seq = 1n; seq < 8n; seq++) {
        witness.write(seq);
        const found = parseWitness(Witness.read(path)!);
        assert.equal(
          found.map((one) => one.seq),
          [seq, seq - 1n],
        );
        assert.equal(found[0]?.store, STORE);
        assert.is(statSync(path).size, WITNESS_BYTES);
        assert.is(
          hex(
            readFileSync(path)
              .subarray(seq % 2n === 0n ? 0 : 4096)
              .subarray(0, 36),
          ),
          hex(slot(seq)),
        );
      }
    } finally {
      await witness.close();
      await witness.close();
    }
  }),
);

slots(
  'links that cannot be counted reject, after the batch: nothing is thrown while it is being written',
  inTemp(async (dir) => {
    const path = join(dir, 'witness');
    await Witness.create(diskFiles, path, STORE, 0n);
    let fails = false;
    const links = (real: () => number) => {
      if (fails) throw new Error('EIO: fstat');
      return real();
    };
    const open: typeof diskFiles.open = async (...args) => {
      const opened = await diskFiles.open(...args);
      const real = opened.links.bind(opened);
      return Object.assign(opened, { links: () => links(real) });
    };
    const witness = await Witness.open({ ...diskFiles, open }, path, STORE);
    try {
      assert.is(witness.leaveIfShared(), undefined);
      fails = true;
      const left = witness.leaveIfShared();
      assert.is(await left?.then(String, (error: Error) => error.message), 'EIO: fstat');
    } finally {
      await witness.close();
    }
  }),
);

slots(
  'closed while a copy takes its place: nothing stays open, and no descriptor of others is closed',
  inTemp(async (dir) => {
    const path = join(dir, 'w');
    await Witness.create(diskFiles, path, STORE, 0n);
    const witness = await Witness.open(diskFiles, path, STORE);
    linkSync(path, join(dir, 'backup'));
    const { fsync } = fs;
    let syncs = 0;
    // The only fsync is that of the directory (files are synced by fdatasync): the copy has its
    // name by then.
    const renamed = new Promise<() => void>((resolve) => {
      fs.fsync = ((fd: number, done: fs.NoParamCallback) => {
        if (++syncs === 1) resolve(() => fsync(fd, done));
        else fsync(fd, done);
      }) as typeof fs.fsync;
    });
    syncBuiltinESMExports();
    try {
      const left = witness.leaveIfShared();
      const goOn = await renamed;
      const closed = witness.close();
      const others = Array.from({ length: 8 }, (_, i) => openSync(join(dir, `other-${i}`), 'w'));
      goOn();
      await left;
      await closed;
      for (const fd of others) closeSync(fd);
      assert.equal(openBelow(dir), []);
    } finally {
      fs.fsync = fsync;
      syncBuiltinESMExports();
    }
  }),
);

slots(
  'a copy that takes its place has the slot that was written last',
  inTemp(async (dir) => {
    const path = join(dir, 'w');
    await Witness.create(diskFiles, path, STORE, 0n);
    const witness = await Witness.open(diskFiles, path, STORE);
    witness.write(1n);
    linkSync(path, join(dir, 'backup'));
    await witness.leaveIfShared();
    witness.write(2n);
    const seqs = (name: string) => parseWitness(readFileSync(join(dir, name))).map(({ seq }) => seq);
    assert.equal(seqs('w'), [2n, 1n]);
    // The order in a running store: the next slot is filled in, then the link is made.
    witness.fill(3n);
    linkSync(path, join(dir, 'second'));
    await witness.leaveIfShared();
    witness.write(3n);
    assert.equal(seqs('w'), [3n, 2n]);
    assert.equal(seqs('second'), [2n, 1n]);
    assert.equal(seqs('backup'), [1n, 0n]);
    await witness.close();
  }),
);

slots(
  'a file that is not there reads as none',
  inTemp((dir) => assert.is(Witness.read(join(dir, 'w')), undefined)),
);

const verdicts = suite('witness verdict');

for (const [what, bytes, seq, proven, notes] of [
  ['both slots, the newest equal to the tip', file(slot(4n), slot(5n)), 5n, 5n, 0],
  ['the newest behind the tip', file(slot(4n), slot(5n)), 7n, 5n, 0],
  ['one slot torn, the other equal', file(slot(4n), slot(5n).subarray(0, 30)), 4n, 4n, 0],
  ['one slot torn, the other behind', file(slot(4n), slot(5n).subarray(0, 30)), 5n, 4n, 0],
  ['both slots torn', file(), 5n, undefined, 1],
  ['as creation leaves it', file(slot(0n)), 0n, 0n, 0],
  ['none, and no round was ever written', undefined, 0n, undefined, 0],
  ['empty, and no round was ever written', new Uint8Array(), 0n, undefined, 0],
  ['short, and no round was ever written', file(slot(0n)).subarray(0, 100), 0n, 0n, 0],
  ['longer than it should be', new Uint8Array([...file(slot(4n), slot(5n)), 0, 0]), 5n, 5n, 0],
] as const) {
  verdicts(`${what}: fine`, () => {
    const verdict = judgeWitness(bytes, tipAt(seq));
    assert.is(verdict.provenSeq, proven);
    assert.is(verdict.notes.length, notes);
    assert.equal(verdict.findings, []);
  });
}

for (const [what, bytes, seq, code, finding] of [
  ['ahead by one', file(slot(4n), slot(5n)), 4n, 'LANESTORE_ROLLED_BACK', 'witness-ahead'],
  ['ahead by far', file(slot(2n ** 63n)), 4n, 'LANESTORE_ROLLED_BACK', 'witness-ahead'],
  ['ahead, the other slot torn', file(undefined, slot(5n)), 4n, 'LANESTORE_ROLLED_BACK', 'witness-ahead'],
  ['ahead of a store without rounds', file(slot(0n), slot(1n)), 0n, 'LANESTORE_ROLLED_BACK', 'witness-ahead'],
  ['of another store', file(slot(4n, OTHER)), 4n, 'LANESTORE_ROLLED_BACK', 'witness-store'],
  ['with one slot of another store', file(slot(4n), slot(3n, OTHER)), 4n, 'LANESTORE_ROLLED_BACK', 'witness-store'],
  ['short and ahead', file(slot(6n)).subarray(0, 4096), 4n, 'LANESTORE_ROLLED_BACK', 'witness-ahead'],
  ['missing, though rounds were written', undefined, 1n, 'LANESTORE_CORRUPT', 'witness-damaged'],
  ['empty, though rounds were written', new Uint8Array(), 1n, 'LANESTORE_CORRUPT', 'witness-damaged'],
  ['short by one byte', file(slot(4n), slot(5n)).subarray(0, 8191), 5n, 'LANESTORE_CORRUPT', 'witness-damaged'],
] as const) {
  verdicts(`${what}: ${code}`, () => {
    const error = corruptionError(judgeWitness(bytes, tipAt(seq)).findings);
    assert.is(error.code, code);
    assert.equal(findingLines(error), [`${finding} witness - -`]);
  });
}

const files = suite('witness of a real store');

/** A store with `rounds` rounds, closed. */
async function makeStore(location: string, rounds: number): Promise<void> {
  await using store = await openLevel(location, { model: plain });
  for (let i = 0; i < rounds; i++) await store.persist({ blocks: [plainBlock('0a', i)] });
}

const open = (location: string) => openLevel(location, { model: plain });

/** The report of an open that must succeed with `blocks` blocks. */
async function reportOf(location: string, blocks: number) {
  await using store = await open(location);
  assert.is(store.takeRecovered().blocks.get('0a')?.length ?? 0, blocks);
  return store.recovery;
}

files(
  'has the seq of every acknowledged round before the next one begins',
  inTemp(async (dir) => {
    await using store = await open(dir);
    for (let i = 0; i < 5; i++) {
      // In the hook, before the call settles: the witness is written first.
      let seen: bigint | undefined;
      const block = () => {
        seen = parseWitness(readFileSync(join(dir, 'witness')))[0]?.seq;
      };
      await store.persist({ blocks: [plainBlock('0a', i)] }, { block });
      assert.is(seen, BigInt(i + 1));
      assert.is(store.seq, BigInt(i + 1));
    }
  }),
);

files(
  'proves at open what it says',
  inTemp(async (dir) => {
    await makeStore(dir, 3);
    const report = await reportOf(dir, 3);
    assert.is(report.seq, 3n);
    assert.is(report.witnessedSeq, 3n);
    assert.equal(report.notes, []);
  }),
);

files(
  'a torn slot does no harm, and the next round mends it',
  inTemp(async (dir) => {
    await makeStore(dir, 3);
    const path = join(dir, 'witness');
    flipInFile(path, (4096 + 25) * 8);
    assert.equal(
      parseWitness(readFileSync(path)).map(({ seq }) => seq),
      [2n],
    );
    assert.is((await reportOf(dir, 3)).witnessedSeq, 2n);
    assert.equal(
      parseWitness(readFileSync(path)).map(({ seq }) => seq),
      [3n, 2n],
    );
  }),
);

files(
  'two torn slots prove nothing: there is a note, and a separate batch closes the votes before any signature',
  inTemp(async (dir) => {
    await makeStore(dir, 3);
    writeFileSync(join(dir, 'witness'), new Uint8Array(WITNESS_BYTES));
    const report = await reportOf(dir, 3);
    assert.is(report.witnessedSeq, undefined);
    assert.is(report.notes.length, 2);
    assert.is(report.seq, 4n);
    assert.equal((await reportOf(dir, 3)).notes, []);
    await using store = await open(dir);
    assert.equal([store.seq, store.votes?.durable.quarantine?.seq], [4n, 4n]);
    assert.equal(store.votes?.durable.quarantine?.parts, ['rounds', 'app', 'lanes', 'own']);
  }),
);

files(
  'a database older than its witness is LANESTORE_ROLLED_BACK, at every try, and comes back with the newer one',
  inTemp(async (dir) => {
    await makeStore(dir, 2);
    const old = await dump(dir);
    await makeStoreOn(dir, 2, 3);
    const now = await dump(dir);
    // Back to the content of two rounds: their tip, without the third block.
    const key = 'lane/0a/00000000000000000002';
    const tip = await rawGet(dir, 'meta/tip');
    await rawBatch(dir, [
      { type: 'put', key: 'meta/tip', value: Buffer.from(old.get('meta/tip')!, 'hex') },
      { type: 'del', key },
    ]);
    assert.equal(await dump(dir), old);
    for (let i = 0; i < 3; i++) {
      const error = await refused(open(dir), 'LANESTORE_ROLLED_BACK', /batch 3 .* is 2/);
      assert.equal(findingLines(error), ['witness-ahead witness - -']);
      assert.equal(await dump(dir), old);
    }
    await rawBatch(dir, [
      { type: 'put', key: 'meta/tip', value: tip },
      { type: 'put', key, value: Buffer.from(now.get(key)!, 'hex') },
    ]);
    await reportOf(dir, 3);
  }),
);

async function makeStoreOn(location: string, from: number, to: number): Promise<void> {
  await using store = await open(location);
  for (let i = from; i < to; i++) await store.persist({ blocks: [plainBlock('0a', i)] });
}

files(
  'the witness of another store is LANESTORE_ROLLED_BACK',
  inTemp(async (dir) => {
    const [a, b] = [join(dir, 'a'), join(dir, 'b')];
    await makeStore(a, 1);
    await makeStore(b, 5);
    writeFileSync(join(b, 'witness'), readFileSync(join(a, 'witness')));
    const error = await refused(open(b), 'LANESTORE_ROLLED_BACK');
    assert.equal(findingLines(error), ['witness-store witness - -']);
  }),
);

files(
  'a missing, empty or short file is LANESTORE_CORRUPT once rounds were written, and is not made anew',
  inTemp(async (dir) => {
    await makeStore(dir, 1);
    const path = join(dir, 'witness');
    for (const length of [8191, 4096, 36, 0]) {
      truncateSync(path, length);
      assert.equal(findingLines(await refused(open(dir), 'LANESTORE_CORRUPT')), ['witness-damaged witness - -']);
      assert.is(statSync(path).size, length);
    }
    rmSync(path);
    await refused(open(dir), 'LANESTORE_CORRUPT');
    assert.not.ok(existsSync(path));
  }),
);

files(
  'a missing or short file is made anew while no round was written: creation was cut short',
  inTemp(async (dir) => {
    await makeStore(dir, 0);
    const path = join(dir, 'witness');
    for (const spoil of [() => rmSync(path), () => truncateSync(path, 0), () => truncateSync(path, 20)]) {
      spoil();
      await reportOf(dir, 0);
      assert.equal(
        parseWitness(readFileSync(path)).map(({ seq }) => seq),
        [0n],
      );
      assert.is(statSync(path).size, WITNESS_BYTES);
    }
  }),
);

slots.run();
verdicts.run();
files.run();
