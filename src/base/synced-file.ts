/**
 * Files whose content can be made durable, also under the permission model of Node.js. That model
 * refuses every fsync and fdatasync of a plain descriptor, but allows those of a FileHandle.
 * Without the model, plain descriptors are used, because they cost less.
 */
import * as fs from 'node:fs';
import { type FileHandle, open as openHandle } from 'node:fs/promises';
import { called } from './called.js';
import { openRegular, openRegularHandle } from './open-file.js';
import { hasPermissionModel } from './permission-model.js';

const { O_CREAT, O_DIRECTORY = 0, O_EXCL, O_RDONLY } = fs.constants;

/** An open file or directory. */
export interface SyncedFile {
  /** For reads, writes and fstat; valid until {@link close} is called. */
  readonly fd: number;
  /** Makes content and all metadata durable (fsync). */
  sync(): Promise<void>;
  /** Makes content and length durable (fdatasync). */
  datasync(): Promise<void>;
  /** Must be called exactly once. */
  close(): Promise<void>;
}

/** Opens the regular file at `path`. @throws as {@link openRegular}. */
export async function openSynced(path: string, flags: number, mode?: number): Promise<SyncedFile> {
  return hasPermissionModel()
    ? ofHandle(await openRegularHandle(path, flags, mode))
    : ofDescriptor(await openRegular(path, flags, mode));
}

/**
 * Creates a new file. An existing file or link with that name, e.g. left by a crash, is removed.
 */
export async function createSynced(path: string, flags: number, mode: number): Promise<SyncedFile> {
  const create = () => openSynced(path, flags | O_CREAT | O_EXCL, mode);
  try {
    return await create();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await called((done) => fs.unlink(path, done));
    return create();
  }
}

/**
 * Makes the names in a directory durable (fsync). Does nothing on Windows: a directory cannot be
 * flushed there (EPERM), and NTFS keeps names in its own journal, which preserves their order
 * without saying when they are durable.
 */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const flags = O_RDONLY | O_DIRECTORY;
  const directory = hasPermissionModel()
    ? ofHandle(await openHandle(path, flags))
    : ofDescriptor(fs.openSync(path, flags));
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function ofDescriptor(fd: number): SyncedFile {
  return {
    fd,
    sync: () => called((done) => fs.fsync(fd, done)),
    datasync: () => called((done) => fs.fdatasync(fd, done)),
    close: async () => fs.closeSync(fd),
  };
}

function ofHandle(handle: FileHandle): SyncedFile {
  return {
    fd: handle.fd,
    sync: () => handle.sync(),
    datasync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
