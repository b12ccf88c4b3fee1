/**
 * The LevelDB backend passes the conformance suite with all blocks in value files, and with some of
 * them.
 */
import { suite } from 'uvu';
import { conformance } from '../../src/conformance/index.js';
import { autobahnTypes, levelSubject, plainTypes } from './subjects.js';

/** Small files, so that files are often emptied, collected and reused. */
const SMALL_FILES = { fileBytes: 8 * 1024, waitBytesMin: 1 };

const all = suite('conformance: level, every block separated');
conformance({ test: all, ...levelSubject(plainTypes, { ...SMALL_FILES, valueBytesMin: 1, batchBytesMin: 1 }) });
all.run();

const some = suite('conformance: level, some blocks separated');
// Blocks of the autobahn model have about 600 bytes here, so it takes two of them in one batch.
conformance({ test: some, ...levelSubject(autobahnTypes, { ...SMALL_FILES, valueBytesMin: 64, batchBytesMin: 1000 }) });
some.run();
