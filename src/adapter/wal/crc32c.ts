/** CRC-32C (Castagnoli), which the A/B files use; zlib has only the IEEE polynomial. */

/** The polynomial 0x1EDC6F41 with its bits reversed, as a right-shifting CRC wants it. */
const CASTAGNOLI_REVERSED = 0x82f63b78;

/** Signed, so that the loop below stays within 32-bit integers. */
const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI_REVERSED : crc >>> 1;
    table[byte] = crc;
  }
  return table;
}

/** The CRC-32C of `bytes`: an unsigned 32-bit number, the same as Go's `crc32.Checksum` with the Castagnoli table. */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
