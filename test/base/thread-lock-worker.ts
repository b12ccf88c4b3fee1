/**
 * Takes a lock between threads: in a thread (`workerData` is `{ name, sockets }`), until a message
 * arrives, or in a separate process, until it is killed. It posts or prints `held` or `refused`.
 *
 *   node thread-lock-worker.js NAME true|false
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { lockThreads } from '../../src/base/thread-lock.js';

const [, , name = '', sockets = ''] = process.argv;
const wanted = (workerData ?? { name, sockets: sockets === 'true' }) as { name: string; sockets: boolean };
const release = await lockThreads(wanted.name, wanted.sockets);
const said = release === undefined ? 'refused' : 'held';
if (parentPort === null) {
  writeSync(1, `${said}\n`);
  setInterval(() => undefined, 1000);
} else {
  const told = once(parentPort, 'message');
  parentPort.postMessage(said);
  await told;
  release?.();
  parentPort.close();
}
