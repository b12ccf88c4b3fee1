/** The file-system port with one failing operation, as on a failing device or a full disk. */
import { basename } from 'node:path';
import { diskFiles, type Files, type OpenHow, type WritableFile } from '../../src/base/files.js';

/** An operation that changes the disk, as `kind name`. */
export type Operation = string;

/**
 * Operations on real files, in order; the one at `failAt` fails with `code`, and changes nothing.
 */
export class FaultyFiles implements Files {
  readonly seen: Operation[] = [];
  failAt = Number.POSITIVE_INFINITY;
  readonly #code: string;

  constructor(code: string, failAt = Number.POSITIVE_INFINITY) {
    this.#code = code;
    this.failAt = failAt;
  }

  async open(path: string, mode: number, how: OpenHow): Promise<WritableFile> {
    this.#begin('open', path);
    const file = await diskFiles.open(path, mode, how);
    return {
      write: async (data, position) => {
        this.#begin('write', path);
        await file.write(data, position);
      },
      writeSynced: async (data, position) => {
        this.#begin('writeSynced', path);
        await file.writeSynced(data, position);
      },
      writeNow: (data, position) => {
        this.#begin('writeNow', path);
        file.writeNow(data, position);
      },
      truncate: async (length) => {
        this.#begin('truncate', path);
        await file.truncate(length);
      },
      sync: async () => {
        this.#begin('sync', path);
        await file.sync();
      },
      status: () => file.status(),
      links: () => file.links(),
      close: () => file.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#begin('rename', to);
    await diskFiles.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    this.#begin('remove', path);
    await diskFiles.remove(path);
  }

  async removeTree(path: string): Promise<void> {
    this.#begin('removeTree', path);
    await diskFiles.removeTree(path);
  }

  async makeDirectory(path: string): Promise<void> {
    this.#begin('makeDirectory', path);
    await diskFiles.makeDirectory(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#begin('syncDirectory', path);
    await diskFiles.syncDirectory(path);
  }

  #begin(kind: string, path: string): void {
    const operation = `${kind} ${basename(path).replace(/^level\.creating-.*/, 'level.creating')}`;
    this.seen.push(operation);
    if (this.seen.length - 1 !== this.failAt) return;
    throw Object.assign(new Error(`${this.#code}: injected, ${operation}`), { code: this.#code });
  }
}
