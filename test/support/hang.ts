/**
 * A promise that never settles becomes a failure with a name: otherwise it would end the process
 * early, or never.
 */
import { Worker } from 'node:worker_threads';
import type { suite } from 'uvu';

type Suite = ReturnType<typeof suite>;
type Handler = Parameters<Suite>[1];

/** Time without progress that counts as hanging: far more than any step takes on a busy machine. */
const STILL_MS = 20_000;
/** The same after the first hang: a property that is being shrunk hangs repeatedly. */
const STILL_AGAIN_MS = 1000;
/** Time limit of one test: many times the duration of the longest on a busy machine. */
const TEST_MS = 60_000;
const LOOK_MS = 100;
/** How long leftovers of a failed test may keep the process alive after the last test. */
const EXIT_MS = 2000;
/** How long a test may block the event loop: meanwhile no timer of this thread can report it. */
const STARVED_MS = 30_000;

let watched: { readonly beat: Int32Array; readonly told: Worker } | undefined;
let hasHung = false;
let willExit = false;

/**
 * Resolves like `promise`; rejects with an error that names the hang once `progress` has not
 * changed for long.
 */
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

/** The same suite, in which a test that hangs fails, and the later tests run. */
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
    // Between two such tests the event loop may be blocked.
    watched?.told.postMessage('');
  }
}

/**
 * The queue of uvu, which runs in order; an item that a failed test appends runs after all tests of
 * all files.
 */
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

/**
 * From now on, until the name is '', another thread kills the process if an endless loop blocks
 * this thread.
 */
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

/**
 * Counts its own checks, not the time: a process that was stopped for a while is not blocked. The
 * exit code is that of a SIGKILL.
 */
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
