/**
 * The WAL's file operations, watched: recorded, stopped after any of them, or made to fail. They
 * are made on the real disk, except for syncs: the tests check those in the record, because
 * thousands of real syncs would take minutes.
 */
import { basename } from 'node:path';
import { diskFiles, type Files, type OpenHow, type WritableFile } from '../../../src/base/files.js';

/** One operation that changes the disk. */
export interface Operation {
  readonly kind:
    | 'open'
    | 'write'
    | 'truncate'
    | 'sync'
    | 'rename'
    | 'remove'
    | 'removeTree'
    | 'makeDirectory'
    | 'syncDirectory';
  readonly path: string;
  /** The new name of a rename. */
  readonly to?: string;
  /** The bytes of a write, and their offset. */
  readonly data?: Uint8Array;
  readonly position?: number;
}

/** A recorder. `before` is called before each operation; it may wait, and it may throw instead. */
export class WatchedFiles implements Files {
  readonly done: Operation[] = [];
  before: (operation: Operation) => void | Promise<void> = () => {};

  /** `kind name` of each, for comparison. */
  get log(): string[] {
    return this.done.map(({ kind, path, to }) => [kind, basename(path), ...(to ? [basename(to)] : [])].join(' '));
  }

  async open(path: string, mode: number, how: OpenHow): Promise<WritableFile> {
    await this.#begin({ kind: 'open', path });
    const file = await diskFiles.open(path, mode, { empty: how.empty, existing: how.existing ?? false });
    const write: WritableFile['write'] = async (data, position) => {
      await this.#begin({ kind: 'write', path, data: Buffer.concat(data), position });
      await file.write(data, position);
    };
    const sync = () => this.#begin({ kind: 'sync', path });
    return {
      write,
      writeSynced: async (data, position) => {
        await write(data, position);
        await sync();
      },
      truncate: async (length) => {
        await this.#begin({ kind: 'truncate', path });
        await file.truncate(length);
      },
      sync,
      writeNow: (data, position) => file.writeNow(data, position),
      status: () => file.status(),
      links: () => file.links(),
      close: () => file.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#begin({ kind: 'rename', path: from, to });
    await diskFiles.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await this.#begin({ kind: 'remove', path });
    await diskFiles.remove(path);
  }

  async removeTree(path: string): Promise<void> {
    await this.#begin({ kind: 'removeTree', path });
    await diskFiles.removeTree(path);
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#begin({ kind: 'makeDirectory', path });
    await diskFiles.makeDirectory(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#begin({ kind: 'syncDirectory', path });
  }

  async #begin(operation: Operation): Promise<void> {
    await this.before(operation);
    this.done.push(operation);
  }
}
