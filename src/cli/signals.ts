/**
 * What happens when a command is told to end: it removes its private copies, and what else it has made for the time
 * being, then dies of the signal, so that a shell loop ends, too.
 */
import { exitOfSignal } from './exit-codes.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** The first process of a container does not die of a signal that it sends to itself: it exits after this. */
const DEATH_MS_MAX = 200;

const cleanups = new Set<() => void>();

/**
 * Has `cleanup` called, synchronously, when a signal ends the process; what was registered last is called first.
 * Returns what forgets it.
 */
export function onSignal(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  return () => void cleanups.delete(cleanup);
}

/** From now on a signal ends the process as {@link onSignal} says. */
export function endOnSignals(): void {
  for (const signal of SIGNALS) process.once(signal, () => end(signal));
}

/** Calls all that is registered. */
export function cleanUp(): void {
  for (const cleanup of [...cleanups].reverse()) {
    try {
      cleanup();
    } catch {
      // It stays, and harms nothing; the others are removed.
    }
  }
}

function end(signal: NodeJS.Signals): void {
  cleanUp();
  process.kill(process.pid, signal);
  // Not a timer: the command must not go on without its copies.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DEATH_MS_MAX);
  process.exit(exitOfSignal(signal));
}
