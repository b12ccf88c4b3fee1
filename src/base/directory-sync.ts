/** Making the names in a directory durable. */
import * as fs from 'node:fs';
import { called } from './called.js';
import { openDirectorySync } from './open-file.js';

/** Makes the names in a directory durable (fsync). */
export function syncDirectory(path: string): void {
  const fd = openDirectorySync(path);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** The same without blocking the event loop. */
export async function syncDirectoryInPool(path: string): Promise<void> {
  const fd = openDirectorySync(path);
  try {
    await called((done) => fs.fsync(fd, done));
  } finally {
    fs.closeSync(fd);
  }
}
