/**
 * The LevelDB backend over a caller's database in memory passes the conformance suite, with two
 * models.
 */
import { suite } from 'uvu';
import { conformance } from '../../src/conformance/index.js';
import { autobahnTypes, memorySubject, plainTypes } from './subjects.js';

const test = suite('conformance: level on memory-level');
conformance({ test, ...memorySubject(plainTypes) });
test.run();

const other = suite('conformance: level on memory-level, autobahn');
conformance({ test: other, ...memorySubject(autobahnTypes) });
other.run();
