/**
 * A process that makes a snapshot:
 *
 *   node snapshot-worker.js LOCATION TARGET    ->    a line `begin`, then a line `made SEQ`
 */
import { writeSync } from 'node:fs';
import { snapshot } from '../../../../src/adapter/level/index.js';
import { plain } from '../../../support/plain-model.js';

writeSync(1, 'begin\n');
const { seq } = await snapshot(process.argv[2]!, process.argv[3]!, { model: plain });
writeSync(1, `made ${seq}\n`);
