/** A command that is ended by a signal leaves neither temporary files nor processes. */
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
 * Loaded before the command: sends it `signal` as soon as it has made a directory for a copy. The
 * signal arrives in the next turn of the event loop, while the copy is being written.
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

async function runSignalled(preload: string, args: readonly string[], cwd = process.cwd()) {
  const child = spawn(process.execPath, [`--import=${preload}`, MAIN, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.resume();
  child.stderr.resume();
  // Not `close`: a process that outlives the command may hold its pipes.
  return (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
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
      ['stats', store],
      ['bundle', store, join(dir, 'bundle.tar')],
      ['get', store, 'anchor'],
      ['manifest', store],
      ['diff', source, store],
      ['diff', store, source, store],
      ['compact', store, '--yes'],
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

/**
 * Loaded before the command: replaces a process that the command starts by one that never ends, and
 * then sends `signal`.
 */
function atSpawn(signal: NodeJS.Signals, pidFile: string): string {
  return `
    import child from 'node:child_process';
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { spawn } = child;
    child.spawn = (file, args, options) => {
      const made = spawn(file, ['-e', 'setInterval(() => {}, 1e6)'], options);
      fs.writeFileSync(${JSON.stringify(pidFile)}, String(made.pid));
      setTimeout(() => process.kill(process.pid, '${signal}'), 0);
      return made;
    };
    syncBuiltinESMExports();
  `;
}

test(
  'the process that reads a database for verify, and the process that a demo kills, end with the command',
  inTemp(async (dir) => {
    const store = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    const [preload, pidFile] = [join(dir, 'preload.mjs'), join(dir, 'pid')];
    for (const [signal, ...args] of [
      ['SIGTERM', 'verify', store],
      ['SIGINT', 'demo'],
    ] as const) {
      writeFileSync(preload, atSpawn(signal, pidFile));
      const ended = await runSignalled(preload, args, dir);
      const pid = Number(readFileSync(pidFile, 'utf8'));
      try {
        assert.equal(ended, [null, signal]);
        for (let tries = 0; isRunning(pid) && tries < 3000; tries++) await sleep(10);
        assert.not.ok(isRunning(pid), `${args[0]}: the process has ended`);
      } finally {
        if (isRunning(pid)) process.kill(pid, 'SIGKILL');
      }
    }
    assert.equal(readdirSync(dir).sort(), ['lanestore-demo', 'pid', 'preload.mjs', 'store']);
  }),
);

/** False for a process that has ended, whether or not its parent has read its exit code. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
}

test.run();
