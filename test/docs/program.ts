/** The code of a page as a program: extracted, compiled unchanged, ready to run. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../support/fixtures.js';
import { blocksOf } from './transcript.js';

/**
 * The `ts` blocks of a page as one module with its imports first, to be compiled two folders below
 * the root.
 */
function programOf(page: string): string {
  const lines = blocksOf(page)
    .filter(({ language }) => language === 'ts')
    .flatMap(({ text }) => text.split('\n'));
  const imports = lines.filter((line) => line.startsWith('import '));
  const rest = lines.filter((line) => !line.startsWith('import '));
  return [...imports, ...rest]
    .join('\n')
    .replaceAll(/'lanestore\/(\w+)'/g, "'../../src/$1/index.js'")
    .replaceAll("'lanestore'", "'../../src/index.js'")
    .replaceAll("'../examples/", "'../../examples/");
}

/**
 * Compiles the code of a page. Returns a function that runs it and returns its standard output.
 * @throws with the compiler's messages if it does not compile.
 */
export function compiledProgram(name: string, page: string): (...args: readonly string[]) => string {
  const folder = join(packageRoot, `.build/docs-${name}`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, 'program.ts'), programOf(page));
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: { rootDir: '../..', outDir: `../program-${name}` },
      // A child process of the library is no import of the program.
      include: ['program.ts', '../../src/adapter/**/*-child.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(packageRoot, 'node_modules/.bin/tsc');
    execFileSync(tsc, ['-p', join(folder, 'tsconfig.json')], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    throw new Error(`it does not compile:\n${(error as { stdout?: string }).stdout ?? error}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const program = join(packageRoot, `.build/program-${name}/.build/docs-${name}/program.js`);
  return (...args) => execFileSync(process.execPath, [program, ...args], { encoding: 'utf8', stdio: 'pipe' });
}
