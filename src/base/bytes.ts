/**
 * A copy that shares no memory with `bytes`. (`Buffer.prototype.slice` does share it, whatever the
 * static type says.)
 */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** The bytes as lower-case hex, two digits for each byte. */
export function hex({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
}
