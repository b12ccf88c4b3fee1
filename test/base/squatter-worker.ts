/**
 * A process that listens on an abstract unix socket until it is killed:
 *
 *   node squatter-worker.js NAME
 */
import { writeSync } from 'node:fs';
import { createServer } from 'node:net';

createServer().listen(`\0${process.argv[2]}`, () => writeSync(1, 'listening\n'));
