// What `npm test` does first: lint and build, and at the same time the build of the tests (they
// write to different directories). Then it joins the library's modules in .build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

async function run(...scripts) {
  for (const script of scripts) {
    const child = spawn('npm', ['run', '--silent', script], { stdio: 'inherit', shell: process.platform === 'win32' });
    const [code] = await once(child, 'close');
    if (code !== 0) process.exitCode = 1;
  }
}

await Promise.all([run('lint', 'build'), run('build:test')]);
if (process.exitCode === undefined) await import('./join-modules.mjs');
