/** The backend that stores nothing passes the conformance suite. */
import { suite } from 'uvu';
import { conformance } from '../../src/conformance/index.js';
import { autobahnTypes, noopSubject, plainTypes } from './subjects.js';

const test = suite('conformance: noop');
conformance({ test, ...noopSubject(plainTypes) });
test.run();

const other = suite('conformance: noop, autobahn');
conformance({ test: other, ...noopSubject(autobahnTypes) });
other.run();
