/**
 * Turns a callback of `node:fs` into a promise. Cheaper than a FileHandle; and a plain descriptor
 * is never closed by the garbage collector.
 */
export function called<T = void>(call: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null || error === undefined ? resolve(value as T) : reject(error)));
  });
}
