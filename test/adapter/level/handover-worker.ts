/**
 * Does what argv[3] says with the stores `old` and `heir` below argv[2], while it is stopped at
 * every file operation.
 */
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  fileWitness,
  formatHistory,
  handover,
  handoverRequest,
  importFromSinks,
  importHistory,
  importState,
  openLevel,
  openView,
  parseHistory,
  snapshot,
} from '../../../src/index.js';
import { plain } from '../../support/plain-model.js';

const [dir = '', action] = process.argv.slice(2);
const [old, heir, target, file] = ['old', 'heir', 'target', 'history.json'].map((name) => join(dir, name)) as [
  string,
  string,
  string,
  string,
];
const at = { model: plain, network: 'test' };
switch (action) {
  case 'handover': {
    const to = await handoverRequest(heir, { model: plain });
    const text = formatHistory(await handover(old, { ...at, to }));
    const fd = openSync(file, 'wx');
    writeSync(fd, text);
    fdatasyncSync(fd);
    closeSync(fd);
    break;
  }
  case 'votes import':
    await importHistory(heir, { ...at, history: parseHistory(readFileSync(file, 'utf8')) });
    break;
  case 'snapshot':
    await snapshot(old, target, { model: plain });
    break;
  case 'votes import --sinks':
    await importFromSinks(heir, { ...at, sinks: [fileWitness(join(dir, 'sink'), { name: 'sink' })] });
    break;
  case 'accepted rollback': {
    const view = await openView(target, { model: plain });
    await view.close();
    const acceptRollback = { seq: view.tip?.seq ?? 0n };
    await (await openLevel(target, { model: plain, acceptRollback })).close();
    break;
  }
  default:
    await importState(old, target, { model: plain, checks: {} });
}
