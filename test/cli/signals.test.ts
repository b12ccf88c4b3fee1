/** A command that is told to end leaves nothing of what it made for the time being, and no process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN, run } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: signals');

/**
 * Loaded before the command: sends it `signal` as soon as it has made a directory for a copy. It arrives at the next turn of the event loop, while
 * the copy is being written.
 */
function atCopy(signal: NodeJS.Signals): string {
  return `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const told = (path) => {
      if (/\\.copy-[^/]*$/.test(path)) process.kill(process.pid, '${signal}');
    };
    const { mkdirSync } = fs;
    fs.mkdirSync = (path, ...rest) => {
      const made = mkdirSync(path, ...rest);
      told(path);
      return made;
    };
    const { mkdir } = fs.promises;
    fs.promises.mkdir = async (path, ...rest) => {
      const made = await mkdir(path, ...rest);
      told(path);
      return made;
    };
    syncBuiltinESMExports();
  `;
}

async function runSignalled(preload: string, args: readonly string[]) {
  const child = spawn(process.execPath, [`--import=${preload}`, MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.resume();
  child.stderr.resume();
  return (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
}

test(
  'every command that makes a private copy or a target removes it, and dies of the signal',
  inTemp(async (dir) => {
    const store = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    const source = fixture('wal', 'state');
    const commands = [
      ['verify', store],
      ['inspect', store],
      ['ls', store],
      ['get', store, 'anchor'],
      ['manifest', store],
      ['diff', source, store],
      ['snapshot', store, join(dir, 'target')],
      ['export', store, join(dir, 'target'), '--layout', 'wal'],
      ['import', source, join(dir, 'target')],
    ];
    const preload = join(dir, 'preload.mjs');
    for (const [i, args] of commands.entries()) {
      const signal = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const)[i % 3]!;
      writeFileSync(preload, atCopy(signal));
      assert.equal(await runSignalled(preload, args), [null, signal], args.join(' '));
      assert.equal(readdirSync(dir).sort(), ['preload.mjs', 'store'], args.join(' '));
    }
  }),
);

test(
  'the process that reads a database for verify ends with it',
  inTemp(async (dir) => {
    const store = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    // Instead of the reader, a process that never ends.
    const [preload, pidFile] = [join(dir, 'preload.mjs'), join(dir, 'pid')];
    writeFileSync(
      preload,
      `
      import child from 'node:child_process';
      import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const { spawn } = child;
      child.spawn = (file, args, options) => {
        const made = spawn(file, ['-e', 'setInterval(() => {}, 1e6)'], options);
        fs.writeFileSync(${JSON.stringify(pidFile)}, String(made.pid));
        setTimeout(() => process.kill(process.pid, 'SIGTERM'), 0);
        return made;
      };
      syncBuiltinESMExports();
      `,
    );
    const ended = await runSignalled(preload, ['verify', store]);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    try {
      assert.equal(ended, [null, 'SIGTERM']);
      for (let tries = 0; isRunning(pid) && tries < 3000; tries++) await sleep(10);
      assert.not.ok(isRunning(pid), 'it is gone');
      assert.equal(readdirSync(dir).sort(), ['pid', 'preload.mjs', 'store']);
    } finally {
      if (isRunning(pid)) process.kill(pid, 'SIGKILL');
    }
  }),
);

test(
  'the child of a demo ends with it',
  inTemp(async (dir) => {
    // It waits for its next rounds longer than any test lasts.
    const child = spawn(process.execPath, [MAIN, 'demo', '--pace-ms', '1000000'], { cwd: dir, stdio: 'ignore' });
    const ended = once(child, 'close');
    try {
      for (let tries = 0; replaysIn(dir).length === 0 && tries < 6000; tries++) await sleep(10);
      assert.is(replaysIn(dir).length, 1, 'a child is at work');
      child.kill('SIGINT');
      assert.equal(await ended, [null, 'SIGINT']);
      for (let tries = 0; replaysIn(dir).length > 0 && tries < 3000; tries++) await sleep(10);
      assert.equal(replaysIn(dir), []);
    } finally {
      child.kill('SIGKILL');
      for (const pid of replaysIn(dir)) process.kill(pid, 'SIGKILL');
    }
  }),
);

/** The processes that replay into a store below `dir`. */
function replaysIn(dir: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return args.includes('replay') && args.some((arg) => arg.startsWith(`${dir}/`));
    } catch {
      return false;
    }
  });
}

/** False for a process that has ended, whether or not its parent has asked for its exit code. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
}

test.run();
