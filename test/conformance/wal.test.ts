/** The segment-file backend does what the port asks of it: as it is by default, and driven as the original drives it. */
import { suite } from 'uvu';
import { conformance } from '../../src/conformance/index.js';
import { autobahnTypes, plainTypes, walSubject } from './subjects.js';

const test = suite('conformance: wal');
conformance({ test, ...walSubject(plainTypes) });
test.run();

// Without a checksum the model would refuse an inner state that it does not know, and the suite's are any bytes.
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
