/**
 * Does what argv[3] says with the stores `old` and `heir` below argv[2], while it is stopped at
 * every file operation. `move`: the whole move between a directory, `store`, and the table argv[6]
 * at the URL argv[5]; argv[4] is the directory's name if it is the old store.
 */
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { postgresLocation } from '../../../src/adapter/postgres/index.js';
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
  type StoreLocation,
  snapshot,
} from '../../../src/index.js';
import { plain } from '../../support/plain-model.js';

const [dir = '', action, first = '', connection = '', table = ''] = process.argv.slice(2);
const [old, heir, target, file] = ['old', 'heir', 'target', 'history.json'].map((name) => join(dir, name)) as [
  string,
  string,
  string,
  string,
];
const at = { model: plain, network: 'test' };

async function handOver(from: string | StoreLocation, target: string | StoreLocation): Promise<void> {
  const to = await handoverRequest(target, { model: plain });
  const text = formatHistory(await handover(from, { ...at, to }));
  const fd = openSync(file, 'wx');
  writeSync(fd, text);
  fdatasyncSync(fd);
  closeSync(fd);
}

const bring = (target: string | StoreLocation) =>
  importHistory(target, { ...at, history: parseHistory(readFileSync(file, 'utf8')) });

switch (action) {
  case 'handover':
    await handOver(old, heir);
    break;
  case 'votes import':
    await bring(heir);
    break;
  case 'move': {
    const tables = postgresLocation({ connection, table, replicas: 0, singleServer: true, leaseMs: 600_000 });
    const store = join(dir, 'store');
    const [from, target] = first === '' ? [tables, store] : [store, tables];
    await handOver(from, target);
    await bring(target);
    break;
  }
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
