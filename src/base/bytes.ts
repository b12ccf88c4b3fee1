/** Bytes as text. */

/** Lower-case hex digits of the bytes, two a byte. */
export function hex({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
}
