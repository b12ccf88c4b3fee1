/** The node's inner state in an A/B file without a checksum: it is read correctly or refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeAB } from '../../src/adapter/wal/ab-format.js';
import { autobahn, entryChecks, exportState, importState, openLevel, openWal, readWal } from '../../src/index.js';
import { refused } from '../support/faults.js';
import { innerState } from '../support/inner.js';
import { inTemp } from '../support/temp.js';
import { contentOf, copyState, refused as importRefused, OPTIONS } from './states.js';

const test = suite('migrations: inner');
const WHOLE = 'wal-upper-case-lane';

test(
  'an inner copy that ends in zeros: refused as the original does; the older copy does not stand in for it',
  inTemp(async (dir) => {
    const source = copyState('wal-inner-zero-tail', dir);
    const [a, b] = ['inner_a.pb', 'inner_b.pb'].map((name) => readFileSync(join(source, name)));
    const text = /inner_a\.pb: the newest copy \(seq 3\) is whole, but its data is no inner state: .*seq 2/;
    await importRefused(source, join(dir, 'store'), 'LANESTORE_IMPORT', text);
    const { findings, inner } = await readWal(source, { model: autobahn });
    assert.equal(
      findings.map(({ kind, file }) => [kind, file]),
      [['ab-undecodable', 'inner_a.pb']],
    );
    assert.is(inner, undefined);
    await refused(openWal(source, { model: autobahn }), 'LANESTORE_CORRUPT', text);
    assert.equal(readFileSync(join(source, 'inner_a.pb')), a);
    assert.equal(readFileSync(join(source, 'inner_b.pb')), b);
  }),
);

test(
  'the anchor likewise',
  inTemp(async (dir) => {
    const source = copyState('wal', dir);
    const files = ['avail_inner_a.pb', 'avail_inner_b.pb'].map((name) => join(source, name));
    const seqs = files
      .map((file) => decodeAB(readFileSync(file)))
      .map((one) => (typeof one === 'string' ? 0n : one.seq));
    const newest = files[seqs[0]! > seqs[1]! ? 0 : 1]!;
    writeFileSync(newest, readFileSync(newest).fill(0, 512));
    const text = /the newest copy \(seq \d+\) is whole, but its data is no anchor: .*the other copy is older/;
    await importRefused(source, join(dir, 'store'), 'LANESTORE_IMPORT', text);
    await refused(openWal(source, { model: autobahn }), 'LANESTORE_CORRUPT', text);
  }),
);

test(
  'a flipped bit in the inner state: refused, or the file is not whole and the other copy counts, with a note',
  inTemp(async (dir) => {
    const source = copyState(WHOLE, dir);
    const file = join(source, 'inner_a.pb');
    const whole = readFileSync(file);
    const older = decodeAB(readFileSync(join(source, 'inner_b.pb')));
    let refusals = 0;
    for (let at = 0, run = 0; at < whole.length; at += 173, run++) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1 << (at % 8);
      writeFileSync(file, bytes);
      const report = await importState(source, join(dir, `store-${run}`), OPTIONS).catch((error) => {
        assert.is(error.code, 'LANESTORE_IMPORT', String(error));
        assert.match(error.message, /inner/);
        refusals++;
      });
      if (report === undefined) continue;
      assert.match(String(report.notes), /inner_a\.pb .* is not whole; the other copy counts/, `a bit of byte ${at}`);
      const { inner } = await contentOf(join(dir, `store-${run}`));
      assert.equal(inner, typeof older === 'string' ? undefined : new Uint8Array(older.data));
    }
    assert.ok(refusals > 10, `${refusals}`);
  }),
);

test(
  'openWal writes to an A/B file without a checksum what it can read again, and refuses the rest',
  inTemp(async (dir) => {
    const store = await openWal(dir, { model: autobahn, encoding: 'wrapper' });
    await store.persist({ inner: innerState(1) });
    await refused(store.persist({ inner: new Uint8Array([1, 2, 3]) }), 'LANESTORE_INVALID', /inner/);
    await store.close();
    const again = await openWal(dir, { model: autobahn });
    assert.equal(again.takeRecovered().inner, innerState(1));
    await again.close();
    // A model that does not know the form accepts any bytes.
    const { inner: _, ...opaque } = autobahn;
    const other = await openWal(dir, { model: opaque });
    await other.persist({ inner: new Uint8Array([1, 2, 3]) });
    await other.close();
    const last = await openWal(dir, { model: opaque });
    assert.equal(last.takeRecovered().inner, new Uint8Array([1, 2, 3]));
    await last.close();
  }),
);

test(
  'with a checksum inner is any bytes: imported with a note, exported to wal-crc only',
  inTemp(async (dir) => {
    const inner = new Uint8Array([1, 2, 3]);
    const wal = await openWal(join(dir, 'wal'), { model: autobahn });
    await wal.persist({ inner });
    await wal.close();
    const report = await importState(join(dir, 'wal'), join(dir, 'store'), OPTIONS);
    assert.match(String(report.notes), /inner_a\.pb: its checksum holds, but it is no inner state of autobahn/);
    const store = await openLevel(join(dir, 'store'), { model: autobahn });
    assert.equal(store.takeRecovered().inner, inner);
    await store.close();
    for (const layout of ['wal', 'file-per-entry'] as const) {
      await refused(
        exportState(join(dir, 'store'), join(dir, layout), layout, OPTIONS),
        'LANESTORE_IMPORT',
        /has no checksum for anything else: .*export to wal-crc/,
      );
    }
    await exportState(join(dir, 'store'), join(dir, 'out'), 'wal-crc', OPTIONS);
    assert.equal((await contentOf(join(dir, 'out'))).inner, inner);
  }),
);

test('entryChecks: the signatures in an inner state are checked; what the protocol does not know passes', () => {
  const { inner } = entryChecks();
  const bytes = innerState(4);
  inner?.(bytes);
  inner?.(new Uint8Array([1, 2, 3]));
  bytes[bytes.length - 1]! ^= 1;
  assert.throws(() => inner?.(bytes), /inner\.timeoutVote: a signature is invalid/);
});

test.run();
