/**
 * A node with three sinks (two directories, and a witness server that is killed, too), killed again
 * and again; its disk goes back to an older state as if it had lost what was not synced, and any
 * sinks cannot be reached. What the node released in all its lives has no two votes in one place,
 * and no two blocks under one number. The same check finds weakened builds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileWitness, httpWitness, importFromSinks, isLanestoreError } from '../../../src/index.js';
import { type Patch, patchedBuild } from '../../faults/weakened.js';
import { MAIN } from '../../support/cli.js';
import { Random, spawnWorker, testSeed } from '../../support/kill.js';
import { plain } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';

const LIVES = 16;
const LIFE_MS_MAX = 20_000;
const TOKEN = 'a-token-of-the-kills';
const test = suite('guard: sinks, killed under load');

/** `lanestore witness-server`, killed and started again on its port. */
class Server {
  readonly #dir: string;
  #process: ChildProcess | undefined;
  url = '';
  #port = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async start(): Promise<void> {
    mkdirSync(this.#dir, { recursive: true });
    const token = join(this.#dir, 'token');
    writeFileSync(token, TOKEN, { mode: 0o600 });
    const listen = `127.0.0.1:${this.#port}`;
    const args = [MAIN, 'witness-server', join(this.#dir, 'served'), '--listen', listen, '--token-file', token];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    for await (const line of createInterface(child.stdout)) {
      this.url = line.replace('listening on ', '');
      break;
    }
    assert.match(this.url, /^http:/);
    this.#port = Number(new URL(this.url).port);
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null) return null;
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return exited;
  }
}

/** What left the node in all of its lives. */
class Released {
  readonly #places = new Map<string, string>();
  count = 0;
  wrong: string | undefined;

  take(line: string): void {
    const [log = '', number = '', what = ''] = line.split(' ');
    if (what === '') return;
    this.count++;
    const place = `${log} ${number}`;
    if ((this.#places.get(place) ?? what) !== what) this.wrong ??= `${place} was released twice`;
    this.#places.set(place, what);
  }
}

async function lives(worker: URL, dir: string, random: Random): Promise<Released & { readonly ends: string[] }> {
  const released = Object.assign(new Released(), { ends: [] as string[] });
  const [location, older] = [join(dir, 'store'), join(dir, 'older')];
  const server = new Server(dir);
  await server.start();
  try {
    for (let life = 0; life < LIVES && released.wrong === undefined; life++) {
      if (existsSync(older) && random.int(0, 2) === 0) {
        rmSync(location, { recursive: true });
        cpSync(older, location, { recursive: true });
      }
      const places = [
        { name: 'a', path: join(dir, 'a') },
        { name: 'b', url: server.url, token: TOKEN },
        { name: 'c', path: join(dir, 'c') },
      ];
      const out = life === 0 ? -1 : random.int(-1, 3);
      const alone = random.int(0, 4) === 0 ? random.int(0, 3) : -1;
      const reached = places.map((place, i) => {
        const isOut = life > 0 && (alone >= 0 ? i !== alone : i === out);
        return isOut ? { name: place.name } : place;
      });
      const child = spawnWorker(worker, [location, JSON.stringify(reached)]);
      let left = random.int(1, 25);
      let end: string | undefined;
      const enough = child.line((line) => {
        if (line.startsWith('LANESTORE_')) end = line;
        return end !== undefined || (line !== 'begin' && left-- <= 0);
      });
      await Promise.race([enough, sleep(LIFE_MS_MAX, undefined, { ref: false })]);
      if (end === undefined && random.int(0, 3) === 0) {
        await server.end('SIGKILL');
        await server.start();
      }
      child.process.kill('SIGKILL');
      const { stderr } = await child.ended;
      assert.is(stderr, '');
      for (const line of child.lines) released.take(line);
      released.ends.push(end ?? 'killed');
      if (end === 'LANESTORE_ROLLED_BACK' || end === 'LANESTORE_QUARANTINED') await recover(location, places);
      if (!existsSync(older) || random.int(0, 4) === 0) {
        rmSync(older, { recursive: true, force: true });
        cpSync(location, older, { recursive: true });
      }
    }
  } finally {
    await server.end('SIGKILL');
  }
  return released;
}

/** As an operator does: brings what all sinks hold. */
async function recover(
  location: string,
  places: readonly { readonly name: string; readonly path?: string; readonly url?: string }[],
): Promise<void> {
  const sinks = places.map(({ name, path, url = '' }) =>
    path === undefined ? httpWitness({ name, url, token: TOKEN }) : fileWitness(path, { name }),
  );
  await importFromSinks(location, { model: plain, network: 'test', sinks }).catch((error: unknown) => {
    if (!isLanestoreError(error)) throw error;
  });
}

test(
  'restored, cut off, killed: no place is released twice, and the node signs again',
  inTemp(async (dir) => {
    const seed = testSeed();
    const worker = new URL('./kill-worker.js', import.meta.url);
    const { wrong, count, ends } = await lives(worker, dir, new Random(seed));
    const text = `${count} released, ${ends.join(' ')}, LANESTORE_TEST_SEED=${seed}`;
    assert.is(wrong, undefined, `${wrong}, ${text}`);
    const killed = ends.filter((end) => end === 'killed').length;
    assert.ok(count > LIVES && killed > LIVES / 4 && ends.includes('LANESTORE_ROLLED_BACK'), text);
  }),
);

const WEAKENED: readonly Patch[] = [
  {
    name: 'guard that releases before the sinks hold it',
    replacements: [{ file: 'src/guard/witness-quorum.js', find: "if (this.mode === 'before')", by: 'if (false)' }],
  },
  {
    name: 'quorum of one',
    replacements: [{ file: 'src/adapter/witness-set.js', find: 'return Math.floor(count / 2) + 1;', by: 'return 1;' }],
  },
  {
    name: 'guard that opens behind its sinks',
    replacements: [
      { file: 'src/guard/open-witnesses.js', find: "if (verdict.kind === 'ahead')", by: 'if (false)' },
      { file: 'src/guard/sinks/file.js', find: '!checkPut(', by: 'false && !checkPut(' },
    ],
  },
];

for (const patch of WEAKENED) {
  test(
    `the same check finds a ${patch.name}`,
    inTemp(async (dir) => {
      const seed = testSeed();
      const build = patchedBuild(patch);
      const worker = pathToFileURL(join(build, 'test', 'guard', 'sinks', 'kill-worker.js'));
      let tries = 0;
      let found: string | undefined;
      for (; tries < 6 && found === undefined; tries++) {
        found = (await lives(worker, join(dir, `${tries}`), new Random(seed + tries))).wrong;
      }
      assert.ok(
        found !== undefined,
        `${tries} times ${LIVES} lives, and nothing is wrong, LANESTORE_TEST_SEED=${seed}`,
      );
      rmSync(build, { recursive: true });
    }),
  );
}

test.run();
