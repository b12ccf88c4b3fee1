/** Temporary directories that are removed with their test. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs `use` with a fresh, empty directory (its real path), and always removes it with its content.
 */
export async function withTemp<T>(use: (dir: string) => T | Promise<T>): Promise<T> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'lanestore-test-')));
  try {
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A test function for {@link withTemp}: `test('name', inTemp(async (dir) => ...))`. */
export function inTemp(use: (dir: string) => void | Promise<void>): () => Promise<void> {
  return () => withTemp(use);
}

/** Runs `use` with another directory for temporary files. */
export async function withTmpdir(dir: string, use: () => Promise<unknown>): Promise<void> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = dir;
  try {
    await use();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}
