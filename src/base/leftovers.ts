/**
 * What this process has made for the time being and removes when it is done: private directories, and processes that
 * work in them. A program that is told to end before can remove all of it at once. No signal handlers here: those
 * belong to the program.
 */

const leftovers = new Set<() => void>();

/** Registers what removes something, synchronously. Returns what forgets it; call that once it is removed. */
export function addLeftover(remove: () => void): () => void {
  leftovers.add(remove);
  return () => void leftovers.delete(remove);
}

/** Removes everything that is registered, the newest first, and forgets it. What cannot be removed stays. */
export function removeAllLeftovers(): void {
  for (const remove of [...leftovers].reverse()) {
    leftovers.delete(remove);
    try {
      remove();
    } catch {
      // The rest is removed all the same.
    }
  }
}
