/** A callback of `node:fs` as a promise: cheaper than a FileHandle, and descriptors are never closed by the garbage collector. */
export function called<T = void>(call: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null || error === undefined ? resolve(value as T) : reject(error)));
  });
}
