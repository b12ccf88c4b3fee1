/** The LevelDB backend with blocks in value files does what the port asks of it: all of them, and some of them. */
import { suite } from 'uvu';
import { conformance } from '../../src/conformance/index.js';
import { autobahnTypes, levelSubject, plainTypes } from './subjects.js';

/** Small files, so that they are left, moved out of and reused all the time. */
const SMALL_FILES = { fileBytes: 8 * 1024, waitBytesMin: 1 };

const all = suite('conformance: level, every block separated');
conformance({ test: all, ...levelSubject(plainTypes, { ...SMALL_FILES, valueBytesMin: 1, batchBytesMin: 1 }) });
all.run();

const some = suite('conformance: level, some blocks separated');
// Blocks of the autobahn model have about 600 bytes here, so it takes two of them in one batch.
conformance({ test: some, ...levelSubject(autobahnTypes, { ...SMALL_FILES, valueBytesMin: 64, batchBytesMin: 1000 }) });
some.run();
