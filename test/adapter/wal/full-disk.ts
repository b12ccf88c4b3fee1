/** A full disk: real files, and a budget of bytes that they may still take. */
import { statSync } from 'node:fs';
import type { OpenHow, WritableFile } from '../../../src/base/files.js';
import { WatchedFiles } from './watched-files.js';

/** File operations on that disk. A write that does not fit writes a part, as a file system does. */
export class FullDisk extends WatchedFiles {
  /** Free bytes. */
  freeBytes = Number.POSITIVE_INFINITY;

  override async open(path: string, mode: number, how: OpenHow): Promise<WritableFile> {
    if (how.empty) this.freeBytes += sizeOf(path);
    const file = await super.open(path, mode, how);
    // A file may be renamed while it is open, so its size is read by descriptor.
    const size = async () => file.status().bytes;
    return {
      ...file,
      write: async (data, position) => {
        const bytes = Buffer.concat(data);
        const more = Math.max(0, position + bytes.length - (await size()));
        if (more <= this.freeBytes) {
          this.freeBytes -= more;
          return file.write(data, position);
        }
        const fits = bytes.subarray(0, Math.max(0, bytes.length - more + this.freeBytes));
        this.freeBytes = 0;
        await file.write([fits], position);
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      },
      truncate: async (length) => {
        this.freeBytes += Math.max(0, (await size()) - length);
        return file.truncate(length);
      },
    };
  }

  override async remove(path: string): Promise<void> {
    this.freeBytes += sizeOf(path);
    await super.remove(path);
  }

  override async rename(from: string, to: string): Promise<void> {
    this.freeBytes += sizeOf(to);
    await super.rename(from, to);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
