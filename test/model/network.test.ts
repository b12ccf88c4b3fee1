/** The network of the tests and benches has the properties that they rely on. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  autobahn,
  globalRange,
  verifyChain,
  verifyCommitQC,
  verifySignedBlock,
} from '../../src/model/autobahn/index.js';
import { makeNetwork } from '../support/network.js';
import { refuses } from './refuses.js';

const test = suite('test network');

test('the same options make the same network, another seed another one', () => {
  const make = (seed: number): Uint8Array => {
    const network = makeNetwork({ validators: 4, seed, signed: false });
    network.block(2);
    network.block(2, { payloadBytes: 5000 });
    return autobahn.anchor.toWire(network.anchor(network.commitQC()));
  };
  assert.equal(make(1), make(1));
  assert.not.equal(make(1), make(2));
});

test('payloads have the requested size, in transactions of the requested size', () => {
  const network = makeNetwork({ validators: 1, signed: false });
  const sizes = (payloadBytes: number, txBytes?: number): number[] => {
    const signed = network.block(0, txBytes === undefined ? { payloadBytes } : { payloadBytes, txBytes });
    autobahn.block.check(signed);
    return signed.block.payload.txs.map(({ length }) => length);
  };
  assert.equal(sizes(0), []);
  assert.equal(sizes(2500), [1024, 1024, 452]);
  assert.equal(sizes(300, 100), [100, 100, 100]);
  assert.equal(sizes(9_000_000, 9_000_000), [9_000_000]);
});

test('numbers start as requested, and CommitQCs order the blocks made since the previous one', () => {
  const network = makeNetwork({ validators: 3, firstBlock: 10n, firstRoad: 5n });
  const blocks = [network.block(0), network.block(0), network.block(1)];
  assert.equal(blocks.map(autobahn.block.number), [10n, 11n, 10n]);
  const first = network.commitQC();
  const second = network.commitQC({ lanes: [2, 0] });
  assert.equal(globalRange(first.vote), { first: 30n, next: 33n });
  assert.equal([autobahn.commitQC.index(first), autobahn.commitQC.index(second)], [5n, 6n]);
  assert.equal(
    [...autobahn.commitQC.laneStarts(second)],
    [
      [network.laneIds[0], 12n],
      [network.laneIds[2], 10n],
    ],
  );
  verifyChain(blocks.slice(0, 2));
  verifyCommitQC(first, network.committee);
  verifyCommitQC(second, network.committee);
  assert.throws(() => network.anchor(second), /orders no block/);
});

test('unsigned blocks differ only in their signatures', () => {
  const network = makeNetwork({ validators: 4, signed: false });
  const blocks = [network.block(0), network.block(0)] as const;
  verifyChain(blocks);
  refuses('LANESTORE_VERIFY', /the signature of \w+ is invalid$/, () =>
    verifySignedBlock(blocks[0], network.committee),
  );
});

test.run();
