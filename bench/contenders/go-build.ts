/** Builds bench/go-wal once per version of its sources, if a Go toolchain is installed. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../test/support/fixtures.js';

/** Enough for the first build, which downloads four small modules. */
const BUILD_MS_MAX = 60_000;

/** The path of the program, or the reason why there is none. */
export type GoWal = { readonly program: string } | { readonly reason: string };

let building: Promise<GoWal> | undefined;

/** Builds the program at the first call. Never rejects. */
export function goWal(): Promise<GoWal> {
  building ??= build();
  return building;
}

async function build(): Promise<GoWal> {
  const sources = join(packageRoot, 'bench', 'go-wal');
  const folder = join(packageRoot, 'bench', '.data');
  const program = join(folder, `go-wal-${hashOf(sources)}`);
  if (existsSync(program)) return { program };
  const run = promisify(execFile);
  const options = {
    cwd: sources,
    timeout: BUILD_MS_MAX,
    env: { ...process.env, GOFLAGS: '-mod=readonly', GOWORK: 'off' },
  };
  try {
    await run('go', ['version'], options);
  } catch {
    return { reason: 'there is no Go toolchain on the PATH' };
  }
  try {
    mkdirSync(folder, { recursive: true });
    const temporary = `${program}.${process.pid}`;
    await run('go', ['build', '-o', temporary, '.'], options);
    renameSync(temporary, program);
    return { program };
  } catch (error) {
    const text = (error as { stderr?: string }).stderr || (error as Error).message;
    return { reason: `it does not build: ${text.trim().split('\n')[0]}` };
  }
}

function hashOf(folder: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) {
    if (/\.(go|mod|sum)$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)));
  }
  return hash.digest('hex').slice(0, 12);
}
