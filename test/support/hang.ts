/** A promise that never settles comes out as a failure with a name: by itself it would end the process early, or never. */
import { Worker } from 'node:worker_threads';
import type { suite } from 'uvu';

type Suite = ReturnType<typeof suite>;
type Handler = Parameters<Suite>[1];

/** How long nothing may get on before it counts as hanging: far beyond what any step takes on a busy machine. */
const STILL_MS = 20_000;
/** The same once something has hung: a property that is being shrunk hangs again and again. */
const STILL_AGAIN_MS = 1000;
/** How long one test may take: many times what the longest does on a busy machine. */
const TEST_MS = 60_000;
const LOOK_MS = 100;
/** How long what a failed test left running may keep the process alive once the last test has ended. */
const EXIT_MS = 2000;
/** How long a test may starve or block the event loop: meanwhile no timer of this thread would ever say that it does not end. */
const STARVED_MS = 30_000;

let watched: { readonly beat: Int32Array; readonly told: Worker } | undefined;
let hasHung = false;
let willExit = false;

/** What `promise` gives; an error that says what hangs, once `progress` has not changed for long. */
export async function settles<T>(what: () => string, promise: Promise<T>, progress: () => unknown): Promise<T> {
  let [seen, since] = [progress(), performance.now()];
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      const now = progress();
      if (now !== seen) [seen, since] = [now, performance.now()];
      if (performance.now() - since < (hasHung ? STILL_AGAIN_MS : STILL_MS)) return;
      hasHung = true;
      reject(new Error(`it hangs: ${what()}`));
    }, LOOK_MS);
  });
  try {
    return await Promise.race([promise, hang]);
  } finally {
    clearInterval(timer);
  }
}

/** The same suite, in which a test that does not end fails, and the ones after it run. */
export function bounded(tests: Suite, testMs = TEST_MS): Suite {
  const add = (name: string, handler: Handler) => tests(name, (context) => ending(name, handler, context, testMs));
  return Object.assign(add, tests);
}

async function ending(name: string, handler: Handler, context: Parameters<Handler>[0], testMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  watch(name);
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`"${name}" does not end`)), testMs);
  });
  try {
    await Promise.race([handler(context), hang]);
  } catch (error) {
    exitAfterLastTest();
    throw error;
  } finally {
    clearTimeout(timer);
    // What runs between these tests may block as long as it likes.
    watched?.told.postMessage('');
  }
}

/** The queue of uvu, which it works off in order; what a failed test adds to its end runs after all tests of all files. */
interface Uvu {
  readonly UVU_QUEUE: unknown[];
}

function exitAfterLastTest(): void {
  if (willExit) return;
  willExit = true;
  const exit = async () => {
    setTimeout(() => process.exit(1), EXIT_MS).unref();
    return [true, 0, 0, 0] as const;
  };
  (globalThis as unknown as Uvu).UVU_QUEUE.push([null, exit]);
}

/** From now on, until it is given '', another thread ends the process if a loop that never lets go starves this one. */
function watch(name: string): void {
  if (watched === undefined) {
    const beat = new Int32Array(new SharedArrayBuffer(4));
    const told = new Worker(WATCHER, {
      eval: true,
      workerData: { beat, lookMs: LOOK_MS, looks: STARVED_MS / LOOK_MS },
    });
    told.unref();
    setInterval(() => Atomics.add(beat, 0, 1), LOOK_MS).unref();
    watched = { beat, told };
  }
  watched.told.postMessage(name);
}

/** Counts its own looks, not the time: a process that was stopped for a while has not starved. The exit code is that of a SIGKILL. */
const WATCHER = `
  const { parentPort, workerData: { beat, lookMs, looks } } = require('node:worker_threads');
  let [name, seen, same] = ['', -1, 0];
  parentPort.on('message', (message) => { name = message; });
  setInterval(() => {
    const now = Atomics.load(beat, 0);
    same = now === seen && name !== '' ? same + 1 : 0;
    seen = now;
    if (same < looks) return;
    require('node:fs').writeSync(2, '\\n"' + name + '" starves the event loop\\n');
    process.kill(process.pid, 'SIGKILL');
  }, lookMs);
`;
