/**
 * A registry of temporary objects of this process: private directories, and child processes that
 * work in them. A program that must exit early can remove all of them at once. This module installs
 * no signal handlers; the program may.
 */

const leftovers = new Set<() => void>();

/**
 * Registers a function that removes an object synchronously. Returns the function to call once the
 * object is removed.
 */
export function addLeftover(remove: () => void): () => void {
  leftovers.add(remove);
  return () => void leftovers.delete(remove);
}

/** Removes every registered object, newest first, and clears the registry. Failures are ignored. */
export function removeAllLeftovers(): void {
  for (const remove of [...leftovers].reverse()) {
    leftovers.delete(remove);
    try {
      remove();
    } catch {
      // Ignored, so that the rest is removed, too.
    }
  }
}
