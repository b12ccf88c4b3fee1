/** When a value file is free: reference counts, pins and readers decide. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ValueIndex } from '../../../../src/adapter/level/values/value-index.js';

const test = suite('separated values: counts');

function make() {
  const freed: bigint[] = [];
  const references = new ValueIndex(({ number }) => void freed.push(number));
  const at = (file: bigint, offset = 0) => ({ file, offset, length: 100, crc: 1 });
  return { references, freed, at };
}

test('a sealed file is free when its last reference is gone', () => {
  const { references, freed, at } = make();
  const file = references.add(1n, 4096, false);
  references.put('a', at(1n));
  references.put('b', at(1n, 100));
  assert.is(references.liveBytes, 200);
  references.seal(file);
  references.delete('a');
  references.delete('a');
  references.delete('unknown');
  assert.equal(freed, []);
  assert.is(references.liveBytes, 100);
  references.delete('b');
  assert.equal(freed, [1n]);
  assert.equal([references.liveBytes, references.heldBytes, references.any], [0, 0, false]);
});

test('a file is not free before it is sealed, nor while a reference is in flight', () => {
  const { references, freed, at } = make();
  const file = references.add(1n, 4096, false);
  references.put('a', at(1n));
  references.delete('a');
  assert.equal(freed, [], 'it is appended to');
  file.pins = 2;
  references.seal(file);
  references.unpin(1n);
  assert.equal(freed, [], 'one reference is in flight');
  references.put('b', at(1n));
  references.unpin(1n);
  assert.equal(freed, [], 'it has arrived');
  references.put('b', at(references.add(2n, 4096, true).number));
  assert.equal(freed, [1n], 'the key refers to another file now');
  assert.equal(references.get('b'), at(2n));
});

test('a file is not free before every earlier reader has ended', () => {
  const { references, freed, at } = make();
  for (const number of [1n, 2n]) {
    references.add(number, 4096, true);
    references.put(`${number}`, at(number));
  }
  const endFirst = references.beginReading();
  references.delete('1');
  const endSecond = references.beginReading();
  references.delete('2');
  const endThird = references.beginReading();
  assert.is(references.heldBytes, 8192);
  endSecond();
  assert.equal(freed, []);
  endFirst();
  endFirst();
  assert.equal(freed, [1n, 2n], 'the third reader began when nothing was left to read');
  endThird();
  assert.equal(freed, [1n, 2n]);
});

test.run();
