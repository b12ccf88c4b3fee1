/**
 * CRC-32C (Castagnoli), used by LevelDB's files and by the A/B files of the segment-file WAL. zlib
 * has only the IEEE polynomial.
 *
 * Sixteen tables process sixteen bytes a step, read as four words: 1.3 GiB/s on the machine of
 * docs/benchmarks.md, against 0.37 for a loop with one table. The fastest package without native
 * code, hash-wasm, reaches 1.6, but takes 40 ms to load, which does not pay off below 200 MiB.
 * Native packages need a binary for every platform.
 */

/** The polynomial 0x1EDC6F41 with its bits reversed, for a right-shifting CRC. */
const CASTAGNOLI_REVERSED = 0x82f63b78;

/**
 * TABLES[k][b]: the change of the crc k bytes after byte b. Signed, so that the loops below stay
 * within 32-bit integers.
 */
const TABLES = makeTables();
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [Table, Table, Table, Table, Table, Table, Table, Table];
const [T8, T9, T10, T11, T12, T13, T14, T15] = TABLES.slice(8) as [
  Table,
  Table,
  Table,
  Table,
  Table,
  Table,
  Table,
  Table,
];

type Table = Int32Array;

/**
 * Words are read in the machine's byte order; on a big-endian machine, bytes are read one by one.
 */
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function makeTables(): Table[] {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI_REVERSED : crc >>> 1;
    first[byte] = crc;
  }
  const tables = [first];
  for (let k = 1; k < 16; k++) tables.push(tables[k - 1]!.map((crc) => (crc >>> 8) ^ first[crc & 0xff]!));
  return tables;
}

/**
 * The CRC-32C of `bytes`: an unsigned 32-bit number, the same as Go's `crc32.Checksum` with the
 * Castagnoli table. If `before` is the crc of other bytes, the result is the crc of those bytes
 * followed by these.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const { length, byteOffset } = bytes;
  let crc = ~before;
  let i = 0;
  if (LITTLE_ENDIAN && length >= 32) {
    while (((byteOffset + i) & 3) !== 0) crc = T0[(crc ^ bytes[i++]!) & 0xff]! ^ (crc >>> 8);
    const words = new Int32Array(bytes.buffer, byteOffset + i, ((length - i) >>> 4) * 4);
    crc = sixteenAtATime(words, crc);
    i += words.length * 4;
  }
  for (; i < length; i++) crc = T0[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function sixteenAtATime(words: Int32Array, before: number): number {
  let crc = before;
  for (let i = 0; i < words.length; i += 4) {
    const a = crc ^ words[i]!;
    const b = words[i + 1]!;
    const c = words[i + 2]!;
    const d = words[i + 3]!;
    crc =
      T15[a & 0xff]! ^
      T14[(a >>> 8) & 0xff]! ^
      T13[(a >>> 16) & 0xff]! ^
      T12[a >>> 24]! ^
      T11[b & 0xff]! ^
      T10[(b >>> 8) & 0xff]! ^
      T9[(b >>> 16) & 0xff]! ^
      T8[b >>> 24]! ^
      T7[c & 0xff]! ^
      T6[(c >>> 8) & 0xff]! ^
      T5[(c >>> 16) & 0xff]! ^
      T4[c >>> 24]! ^
      T3[d & 0xff]! ^
      T2[(d >>> 8) & 0xff]! ^
      T1[(d >>> 16) & 0xff]! ^
      T0[d >>> 24]!;
  }
  return crc;
}
