/**
 * Accepting a rollback: when the store opens, what the event records, and the cases in which it is
 * refused.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseWitness } from '../../../../src/adapter/level/format/witness.js';
import { openLevel } from '../../../../src/adapter/level/index.js';
import { eventKey } from '../../../../src/keys/index.js';
import { bodyOf, findingLines, flipInFile, rawGet, refused, rejection, tree } from '../../../support/faults.js';
import { plain, plainBlock } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { append, content, copy, logOf, open } from '../preflight/files.js';

const LEAP = 2n ** 32n;
const test = suite('acceptRollback');

const accept = (location: string, seq: bigint) => openLevel(location, { model: plain, acceptRollback: { seq } });

/** A store of `now` rounds, and a second one whose database is that of `then` rounds. */
async function makeRolledBack(dir: string, then: number, now: number): Promise<{ newest: string; older: string }> {
  const [newest, older] = [join(dir, 'newest'), join(dir, 'older')];
  await append(newest, 0, then);
  copy(newest, older);
  await append(newest, then, now);
  writeFileSync(join(older, 'witness'), readFileSync(join(newest, 'witness')));
  return { newest, older };
}

/**
 * Accepts the rollback at `seq`: the content is the same, the event is recorded, numbering
 * continues at `next`, and later opens need no option.
 */
async function assertGoesOn(
  location: string,
  seq: bigint,
  next: bigint,
  witnessSeq: bigint | null,
  why: string[],
): Promise<void> {
  {
    await using store = await accept(location, seq);
    assert.is(store.seq, next);
    assert.is(store.recovery.seq, next);
    assert.ok(store.recovery.notes.some((note) => note.includes(`a rollback to batch ${seq} was accepted`)));
    assert.is(store.takeRecovered().blocks.get('0a')?.length, Number(seq));
  }
  const { at, ...event } = bodyOf(await rawGet(location, eventKey(next))) as Record<string, unknown>;
  assert.ok(Math.abs(Date.now() - Date.parse(at as string)) < 600_000);
  assert.equal(event, { event: 'rollback-accepted', tipSeq: seq, witnessSeq, why });
  assert.is(parseWitness(readFileSync(join(location, 'witness')))[0]?.seq, next);
  {
    await using store = await open(location);
    assert.is(store.recovery.witnessedSeq, next);
    assert.equal(store.recovery.notes, []);
    await store.persist({ blocks: [plainBlock('0a', seq)] });
    assert.is(store.seq, next + 1n);
  }
  await content(location);
  // Refused the second time: the store is not rolled back any more.
  await refused(accept(location, next + 1n), 'LANESTORE_INVALID', /not rolled back/);
}

test(
  'goes on from an older database, behind the witness; the newer files are refused when they come back',
  inTemp(async (dir) => {
    const { newest, older } = await makeRolledBack(dir, 4, 9);
    const error = await refused(open(older), 'LANESTORE_ROLLED_BACK', /batch 9 .* is 4/);
    assert.equal(findingLines(error), ['witness-ahead witness - -']);
    await assertGoesOn(older, 4n, 10n, 9n, ['witness-ahead']);
    const witness = readFileSync(join(older, 'witness'));
    rmSync(join(older, 'level'), { recursive: true });
    copy(join(newest, 'level'), join(older, 'level'));
    writeFileSync(join(older, 'witness'), witness);
    await refused(open(older), 'LANESTORE_ROLLED_BACK', /batch 11 .* is 9/);
  }),
);

test(
  'goes on from a torn log whose last batch had been acknowledged',
  inTemp(async (dir) => {
    await append(dir, 0, 2);
    await append(dir, 2, 6);
    truncateSync(join(dir, logOf(dir)), readFileSync(join(dir, logOf(dir))).length - 1);
    const before = tree(dir);
    const error = await refused(open(dir), 'LANESTORE_ROLLED_BACK');
    assert.equal(findingLines(error), [`log-torn ${logOf(dir)} - -`, 'witness-ahead witness - -']);
    for (const seq of [0n, 4n, 6n]) await refused(accept(dir, seq), 'LANESTORE_INVALID', /is 5, not/);
    assert.equal(tree(dir), before);
    await assertGoesOn(dir, 5n, 7n, 6n, ['witness-ahead']);
  }),
);

test(
  'the event and its numbers hold while they are in the log, and after the batches behind them',
  inTemp(async (dir) => {
    const { older } = await makeRolledBack(dir, 3, 5);
    {
      await using store = await accept(older, 3n);
      for (let i = 3n; i < 6n; i++) await store.persist({ blocks: [plainBlock('0a', i)] });
      assert.is(store.seq, 9n);
    }
    // The log begins with batch 6, the tables end with batch 3.
    await using store = await open(older);
    assert.is(store.recovery.files?.batches, 4);
    assert.is(store.seq, 9n);
  }),
);

test(
  'a missing, a short and a foreign witness: numbering leaps, since the number of lost batches is unknown',
  inTemp(async (dir) => {
    const base = join(dir, 'base');
    const other = join(dir, 'other');
    await append(base, 0, 3);
    await append(other, 0, 8);
    for (const [harm, code, witnessSeq, why] of [
      [(path: string) => rmSync(path), 'LANESTORE_CORRUPT', null, 'witness-damaged'],
      [(path: string) => truncateSync(path, 0), 'LANESTORE_CORRUPT', null, 'witness-damaged'],
      [(path: string) => truncateSync(path, 8191), 'LANESTORE_CORRUPT', 3n, 'witness-damaged'],
      [
        (path: string) => writeFileSync(path, readFileSync(join(other, 'witness'))),
        'LANESTORE_ROLLED_BACK',
        8n,
        'witness-store',
      ],
    ] as const) {
      const target = copy(base, join(dir, 'copy'));
      harm(join(target, 'witness'));
      await refused(open(target), code);
      await refused(accept(target, 2n), 'LANESTORE_INVALID');
      await refused(open(target), code);
      await assertGoesOn(target, 3n, 3n + LEAP, witnessSeq, [why]);
    }
  }),
);

test(
  'fits nothing else: a sound store, a new one, none, a database that is gone',
  inTemp(async (dir) => {
    const store = join(dir, 'store');
    await append(store, 0, 3);
    const before = await content(copy(store, join(dir, 'copy')));
    for (const seq of [2n, 3n, 4n]) await refused(accept(store, seq), 'LANESTORE_INVALID', /not rolled back/);
    assert.is(await content(store), before);
    for (const place of [join(dir, 'absent'), join(dir, 'empty')]) {
      mkdirSync(join(dir, 'empty'), { recursive: true });
      await refused(accept(place, 0n), 'LANESTORE_NOT_A_STORE');
    }
    assert.equal(readdirSync(dir).sort(), ['copy', 'empty', 'store']);
    assert.equal(readdirSync(join(dir, 'empty')), []);
    rmSync(join(store, 'level'), { recursive: true });
    assert.equal(findingLines(await refused(accept(store, 3n), 'LANESTORE_ROLLED_BACK')), ['level-missing level - -']);
    for (const wrong of [3, '3', undefined, null]) {
      const options = { model: plain, acceptRollback: { seq: wrong } } as never;
      assert.instance(await rejection(() => openLevel(store, options)), TypeError);
    }
    const db = new MemoryLevel();
    await refused(
      openLevel({ db, model: plain, acceptRollback: { seq: 0n } } as never),
      'LANESTORE_INVALID',
      /witness/,
    );
  }),
);

test(
  'damage is damage: it cannot be accepted, and is listed together with the rollback',
  inTemp(async (dir) => {
    const { older } = await makeRolledBack(dir, 40, 41);
    flipInFile(join(older, logOf(older)), 5000 * 8);
    const before = tree(older);
    for (const seq of [40n, 5n]) {
      const error = await refused(accept(older, seq), 'LANESTORE_CORRUPT');
      assert.equal(findingLines(error), [`log-damaged ${logOf(older)} - -`]);
      assert.equal(tree(older), before);
    }
  }),
);

test.run();
