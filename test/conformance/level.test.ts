/** The LevelDB backend in a directory passes the conformance suite. */
import { suite } from 'uvu';
import { conformance } from '../../src/conformance/index.js';
import { levelSubject, plainTypes } from './subjects.js';

const test = suite('conformance: level');
conformance({ test, ...levelSubject(plainTypes) });
test.run();
