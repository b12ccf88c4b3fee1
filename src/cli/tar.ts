/**
 * Members of a tar archive in the ustar format of POSIX: regular files, each built in memory. A
 * name has at most 100 bytes.
 */
const BLOCK_BYTES = 512;

/** The end of an archive: two empty blocks. */
export const TAR_END = new Uint8Array(2 * BLOCK_BYTES);

/** Offsets and lengths of the header fields that are not zero. Numbers are octal text. */
const [NAME, MODE, UID, GID, SIZE, MTIME] = [0, 100, 108, 116, 124, 136];
const [CHECKSUM, TYPE, MAGIC] = [148, 156, 257];
const [SHORT_DIGITS, LONG_DIGITS, CHECKSUM_DIGITS, NAME_BYTES_MAX] = [7, 11, 6, 100];
const FILE_MODE = 0o600;

/**
 * A file of an archive: its header, its bytes, and zeros up to a multiple of 512 bytes.
 * @throws RangeError if the name is too long.
 */
export function tarMember(name: string, data: Uint8Array, modifiedMs: number): Uint8Array {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw new RangeError(`a name in a tar is too long: ${name}`);
  const member = Buffer.alloc(BLOCK_BYTES + Math.ceil(data.length / BLOCK_BYTES) * BLOCK_BYTES);
  const octal = (offset: number, digits: number, value: number) =>
    member.write(value.toString(8).padStart(digits, '0'), offset, 'latin1');
  member.write(name, NAME, 'utf8');
  octal(MODE, SHORT_DIGITS, FILE_MODE);
  octal(UID, SHORT_DIGITS, 0);
  octal(GID, SHORT_DIGITS, 0);
  octal(SIZE, LONG_DIGITS, data.length);
  octal(MTIME, LONG_DIGITS, Math.floor(modifiedMs / 1000));
  member.write('0', TYPE, 'latin1');
  member.write('ustar\0' + '00', MAGIC, 'latin1');
  // The checksum counts its own field as spaces.
  member.fill(' ', CHECKSUM, TYPE);
  const sum = member.subarray(0, BLOCK_BYTES).reduce((total, byte) => total + byte, 0);
  octal(CHECKSUM, CHECKSUM_DIGITS, sum);
  member[CHECKSUM + CHECKSUM_DIGITS] = 0;
  member.set(data, BLOCK_BYTES);
  return member;
}
