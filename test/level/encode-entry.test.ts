/** A model's own writer writes what its `toBody` gives, to the byte: otherwise two stores of one model would differ. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeEntry, encodeRecord } from '../../src/adapter/level/record.js';
import { codecs } from '../../src/model/autobahn/index.js';
import type { EntryCodec } from '../../src/model/model.js';
import { loadRounds, loadVectors, TRAFFIC } from '../support/fixtures.js';
import { plain, plainBlock } from '../support/plain-model.js';

const test = suite('encoding an entry');

function same<T>(codec: EntryCodec<T>, entry: T): void {
  assert.ok(codec.writeBody, 'it has a writer of its own');
  const own = encodeEntry('some/key', codec, entry);
  const generic = encodeRecord('some/key', codec.toBody(entry));
  assert.is(Buffer.compare(own.bytes, generic.bytes), 0);
  assert.is(own.crc, generic.crc);
}

test('autobahn: every recorded entry', () => {
  for (const name of TRAFFIC) {
    for (const { anchor, commitQCs, blocks } of loadRounds(name)) {
      if (anchor !== undefined) same(codecs.pruneAnchor, codecs.pruneAnchor.fromWire(anchor));
      for (const qc of commitQCs) same(codecs.commitQC, codecs.commitQC.fromWire(qc));
      for (const block of blocks) same(codecs.signedBlock, codecs.signedBlock.fromWire(block));
    }
  }
});

test('autobahn: every kind of message, with fields absent and empty', () => {
  let kinds = 0;
  for (const vector of loadVectors()) {
    if (vector.type !== 'SignedMsg') continue;
    same(codecs.signedMsg, codecs.signedMsg.fromWire(vector.protobuf));
    kinds++;
  }
  assert.ok(kinds > 5);
  for (const vector of loadVectors()) {
    if (vector.type === 'Payload') same(codecs.payload, codecs.payload.fromWire(vector.protobuf));
  }
});

test('a model without a writer of its own', () => {
  const block = plainBlock('0a', 7);
  const record = encodeEntry('some/key', plain.block, block);
  assert.is(Buffer.compare(record.bytes, encodeRecord('some/key', plain.block.toBody(block)).bytes), 0);
});

test.run();
