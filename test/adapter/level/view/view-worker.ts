/**
 * A process that opens a view and keeps it until it is killed:
 *
 *   node view-worker.js LOCATION    ->    a line `open SEQ`
 */
import { writeSync } from 'node:fs';
import { openView } from '../../../../src/adapter/level/index.js';
import { plain } from '../../../support/plain-model.js';

const view = await openView(process.argv[2]!, { model: plain });
writeSync(1, `open ${view.tip?.seq}\n`);
setInterval(() => void view.tip, 1000);
