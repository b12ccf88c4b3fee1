/** Bytes: as text, and from a file. */
import { read } from 'node:fs';
import { called } from './called.js';

/** Lower-case hex digits of the bytes, two a byte. */
export function hex({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
}

/** Fills `into` from byte `offset` of an open file. Resolves with the number of bytes that were there: fewer only at the end of the file. */
export async function readFully(fd: number, into: Uint8Array, offset: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const [at, left] = [filled, into.length - filled];
    const count = await called<number>((done) => read(fd, into, at, left, offset + at, (error, n) => done(error, n)));
    if (count === 0) break;
    filled += count;
  }
  return filled;
}
