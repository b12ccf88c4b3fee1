/**
 * SIGINT, SIGTERM and SIGHUP: the command removes its private copies and other temporary files,
 * then ends by the same signal, so that a loop in a shell script ends too.
 */
import { exitOfSignal } from './exit-codes.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** PID 1 of a container ignores a signal that it sends to itself, so it exits after this time. */
const DEATH_MS_MAX = 200;

const cleanups = new Set<() => void>();
/** What a signal does now. */
let taken: ((signal: NodeJS.Signals) => void) | undefined;

/**
 * Registers a synchronous callback that runs when a signal ends the process. The last one
 * registered runs first. Returns a function that unregisters it.
 */
export function onSignal(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  return () => void cleanups.delete(cleanup);
}

/** Installs the signal handlers. */
export function endOnSignals(): void {
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      const take = taken ?? end;
      taken = undefined;
      take(signal);
    });
  }
}

/** The next signal, which does not end the process; the one after that does. */
export function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    taken = resolve;
  });
}

/** Runs all registered callbacks. Ignores what they throw. */
export function cleanUp(): void {
  for (const cleanup of [...cleanups].reverse()) {
    try {
      cleanup();
    } catch {
      // Ignored: a file that could not be removed does no harm, and the other callbacks must still
      // run.
    }
  }
}

function end(signal: NodeJS.Signals): void {
  cleanUp();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Blocks the thread instead of waiting on a timer: the command must not continue without its
  // copies.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DEATH_MS_MAX);
  process.exit(exitOfSignal(signal));
}
