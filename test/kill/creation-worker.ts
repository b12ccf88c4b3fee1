/**
 * A process that opens a store, new or not, persists three rounds and closes it. It may kill itself
 * meanwhile with SIGKILL:
 *
 *   node creation-worker.js LOCATION at K       before lanestore's K-th call to node:fs
 *   node creation-worker.js LOCATION after MS   after MS milliseconds (may be a fraction),
 *                                               by a separate thread: also within LevelDB's calls
 *   node creation-worker.js LOCATION never      prints each call to node:fs
 *
 * Prints `round N` for each acknowledged round, and `done CALLS MS` at the end.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Worker } from 'node:worker_threads';
import { openLevel } from '../../src/adapter/level/index.js';
import { plain, plainBlock } from '../support/plain-model.js';

const [location = '', mode = 'never', value = '0'] = process.argv.slice(2);
const { writeSync } = fs;
const say = (line: string) => writeSync(1, `${line}\n`);

/** Calls that change a file or a name, or make a change durable. */
const PATCHED = [
  'fdatasync',
  'fsync',
  'mkdir',
  'mkdirSync',
  'open',
  'openSync',
  'renameSync',
  'rm',
  'rmSync',
  'unlink',
  'writeSync',
  'writevSync',
] as const;

/** Names of open files, by descriptor, to print which file is synced or written. */
const names = new Map<unknown, unknown>();
let calls = 0;

type Opened = (error: Error | null, fd?: number) => void;

/** Stores the name of an opened file before the caller gets it. */
function naming(path: unknown, done: Opened): Opened {
  return (error, fd) => {
    if (fd !== undefined) names.set(fd, path);
    done(error, fd);
  };
}

function patch(): void {
  const table = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of PATCHED) {
    const original = table[name]!;
    const patched = (...args: unknown[]) => {
      if (mode === 'at' && calls === Number(value)) process.kill(process.pid, 'SIGKILL');
      calls++;
      if (mode === 'never')
        say(`call ${name} ${names.get(args[0]) ?? args[0]} ${typeof args[1] === 'string' ? args[1] : ''}`);
      if (name === 'open') return original(...args.slice(0, -1), naming(args[0], args.at(-1) as Opened));
      const result = original(...args);
      if (name === 'openSync') names.set(result, args[0]);
      return result;
    };
    table[name] = Object.assign(patched, original);
  }
  syncBuiltinESMExports();
}

/** Starts the clock when called; the thread is already running. */
async function armed(ms: number): Promise<() => void> {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const code = `
    const { parentPort, workerData: gate } = require('node:worker_threads');
    parentPort.postMessage('up');
    Atomics.wait(gate, 0, 0);
    Atomics.wait(gate, 1, 0, ${ms});
    process.kill(process.pid, 'SIGKILL');`;
  const thread = new Worker(code, { eval: true, workerData: gate });
  await new Promise((resolve) => thread.once('message', resolve));
  return () => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
}

const start = mode === 'after' ? await armed(Number(value)) : () => undefined;
if (mode !== 'after') patch();
const began = performance.now();
start();
const store = await openLevel(location, { model: plain });
const next = store.cursors.lanes.get('0a')?.next ?? 0n;
for (let i = 0n; i < 3n; i++) {
  await store.persist({ blocks: [plainBlock('0a', next + i)] });
  say(`round ${next + i}`);
}
await store.close();
say(`done ${calls} ${performance.now() - began}`);
// Every run of this mode ends by SIGKILL, also if the work was done before the thread's kill.
if (mode === 'after') process.kill(process.pid, 'SIGKILL');
