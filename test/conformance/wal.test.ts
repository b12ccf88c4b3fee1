/**
 * The segment-file backend passes the conformance suite by default, and when it is driven like the
 * original.
 */
import { suite } from 'uvu';
import { conformance } from '../../src/conformance/index.js';
import { autobahnTypes, plainTypes, walSubject } from './subjects.js';

const test = suite('conformance: wal');
conformance({ test, ...walSubject(plainTypes) });
test.run();

// The suite stores arbitrary bytes as inner state. Without a checksum the model would refuse a form
// that it does not know.
const { inner: _, ...opaqueInner } = autobahnTypes.model;
const original = suite('conformance: wal as the original, autobahn');
conformance({
  test: original,
  ...walSubject(
    { ...autobahnTypes, model: opaqueInner },
    { directorySync: false, encoding: 'wrapper', inMemory: true },
  ),
});
original.run();

const small = suite('conformance: wal with small segments');
conformance({ test: small, ...walSubject(plainTypes, { segmentBytes: 200, inMemory: true }) });
small.run();
