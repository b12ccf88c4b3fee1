/**
 * The first A/B file of a directory has an encoding that the node which made the directory can
 * read.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ABEncoding, decodeAB } from '../../../src/adapter/wal/ab-format.js';
import { openWal, type WalOptions } from '../../../src/adapter/wal/index.js';
import { autobahn, type CommitQC, type PruneAnchor, type SignedBlock } from '../../../src/model/autobahn/index.js';
import { makeNetwork } from '../../support/network.js';
import { inTemp } from '../../support/temp.js';
import { copyState } from './state.js';

const test = suite('wal: the encoding of the first A/B file');

type Options = Omit<WalOptions<SignedBlock, CommitQC, PruneAnchor>, 'model'>;
const open = (dir: string, options: Options = {}) => openWal(dir, { model: autobahn, ...options });

function encodingOf(dir: string, file: string): ABEncoding | string {
  const content = decodeAB(readFileSync(join(dir, file)));
  return typeof content === 'string' ? content : content.encoding;
}

/** An anchor at the oldest CommitQC. The application's fields in it do not matter to the store. */
function anchorAt(commitQC: CommitQC): PruneAnchor {
  const { index } = commitQC.vote.view;
  return { appQC: { vote: { globalNumber: 0n, roadIndex: index }, sigs: [] }, commitQC };
}

for (const name of ['wal-no-anchor', 'wal-no-anchor-wrapper']) {
  for (const opens of [0, 1, 2]) {
    test(
      `${name}, opened ${opens} times before: anchor and inner are written as 11419398f reads them`,
      inTemp(async (dir) => {
        const at = copyState(name, dir);
        for (let i = 0; i < opens; i++) await (await open(at)).close();
        await using store = await open(at);
        const [qc] = store.takeRecovered().commitQCs;
        await store.persist({ anchor: anchorAt(qc!), inner: new Uint8Array() });
        assert.is(encodingOf(at, 'avail_inner_a.pb'), 'wrapper');
        assert.is(encodingOf(at, 'inner_a.pb'), 'wrapper');
        assert.is(readFileSync(join(at, 'avail_inner_b.pb')).length, 0);
      }),
    );
  }
}

test(
  'a directory of 78c53ddf1 without an anchor looks the same: the option selects the encoding',
  inTemp(async (dir) => {
    const at = copyState('wal-no-anchor', dir);
    await using store = await open(at, { encoding: 'crc' });
    const [qc] = store.takeRecovered().commitQCs;
    await store.persist({ anchor: anchorAt(qc!) });
    assert.is(encodingOf(at, 'avail_inner_a.pb'), 'crc');
  }),
);

test(
  'a directory that openWal made has a checksum, also if it is opened again before the first anchor',
  inTemp(async (dir) => {
    const network = makeNetwork({ validators: 4 });
    for (let i = 0; i < 2; i++) {
      await using store = await open(dir);
      await store.persist({ blocks: [network.block(0)] });
    }
    await using store = await open(dir);
    await store.persist({ inner: new Uint8Array([1, 2, 3]) });
    assert.is(encodingOf(dir, 'inner_a.pb'), 'crc');
  }),
);

test.run();
