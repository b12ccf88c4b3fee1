/** A table whose checksums hold, and that makes LevelDB abort the process that reads it. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { FileReader } from '../../src/adapter/level/preflight/file.js';
import { readTable } from '../../src/adapter/level/preflight/table.js';
import { crc32c } from '../../src/base/crc32c.js';

/** Shortens a key of the table with at least six blocks below its trailer of 8 bytes. */
export async function makeAborting(table: string): Promise<void> {
  const parts = await new FileReader().with(table, (file) => readTable(file, 'table'));
  assert.ok(parts !== undefined && 'data' in parts);
  const { offset, size } = parts.data[5]!;
  const bytes = readFileSync(table);
  // The first entry of a block: no shared bytes, then the lengths of key and value.
  const [shared, key, value] = bytes.subarray(offset, offset + 3);
  assert.ok(shared === 0 && key! > 20 && key! < 60 && value! < 70, `${shared} ${key} ${value}`);
  bytes[offset + 1] = 3;
  bytes[offset + 2] = value! + key! - 3;
  const crc = crc32c(bytes.subarray(offset, offset + size + 1));
  bytes.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, offset + size + 1);
  writeFileSync(table, bytes);
}
