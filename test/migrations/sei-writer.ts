/**
 * Writes into a state of the layout sei-73f917bbd as a node does: appends and syncs records,
 * completes a file and makes the next one, prunes complete files; and keeps the block store as it
 * is. Arguments: the state directory, and the CommitQCs as lines of base64 in a file. Runs until it
 * is killed; then it begins at the front again.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

const [, , location = '', file = ''] = process.argv;
const wires = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => Buffer.from(line, 'base64'));
const directory = join(location, 'commitqcs');
const RECORDS_A_FILE = 3;
const FILES_KEPT = 3;

function record(index: number, payload: Buffer): Buffer {
  const uvarint = (value: number): number[] =>
    value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...uvarint(value >> 7)];
  const body = Buffer.concat([Buffer.from([...uvarint(index), ...uvarint(payload.length)]), payload]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([body, crc]);
}

function open(sequence: number): number {
  const fd = openSync(join(directory, `${sequence}.wal.u`), 'wx');
  writeSync(fd, Buffer.from('SEIWL\u0001'));
  return fd;
}

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory);
for (let [sequence, index] = [0, 0]; index < wires.length; sequence++) {
  const fd = open(sequence);
  const first = index;
  for (let left = RECORDS_A_FILE; left > 0 && index < wires.length; left--, index++) {
    const bytes = record(index, wires[index]!);
    // A reader may see a record that is not all there.
    writeSync(fd, bytes.subarray(0, 5));
    writeSync(fd, bytes.subarray(5));
    fsyncSync(fd);
  }
  if (index === wires.length) {
    process.stdout.write('ended\n');
    process.stdin.resume();
    break;
  }
  closeSync(fd);
  renameSync(join(directory, `${sequence}.wal.u`), join(directory, `${sequence}-${first}-${index - 1}.wal`));
  const complete = readdirSync(directory).filter((name) => name.endsWith('.wal'));
  const oldest = complete.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  for (const name of oldest.slice(0, -FILES_KEPT)) rmSync(join(directory, name));
}
