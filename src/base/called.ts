/**
 * Turns a callback of `node:fs` into a promise. This costs less than a FileHandle, and the garbage
 * collector never closes a plain descriptor.
 */
export function called<T = void>(call: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null || error === undefined ? resolve(value as T) : reject(error)));
  });
}
