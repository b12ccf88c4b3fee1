/**
 * A node with three sinks (two directories, and a witness server that is killed, too), killed again
 * and again; its disk goes back to an older state as if it had lost what was not synced, and any
 * sinks cannot be reached.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { fileWitness, httpWitness, importFromSinks, isLanestoreError } from '../../../src/index.js';
import { MAIN } from '../../support/cli.js';
import { type Random, spawnWorker } from '../../support/kill.js';
import { plain } from '../../support/plain-model.js';

/** Lives of a node. */
export const LIVES = 16;
/** In this one the disk is that of the first one. */
const SET_BACK = 8;
const LIFE_MS_MAX = 20_000;
const TOKEN = 'a-token-of-the-kills';

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
export class Released {
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

/** Runs all lives; ends at the first thing that is wrong. */
export async function lives(worker: URL, dir: string, random: Random): Promise<Released & { readonly ends: string[] }> {
  const released = Object.assign(new Released(), { ends: [] as string[] });
  const [location, older, first] = ['store', 'older', 'first'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const server = new Server(dir);
  await server.start();
  try {
    for (let life = 0; life < LIVES && released.wrong === undefined; life++) {
      if (life > 0 && (life === SET_BACK || random.int(0, 2) === 0)) {
        rmSync(location, { recursive: true });
        cpSync(life === SET_BACK ? first : older, location, { recursive: true });
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
      if (life === 0) cpSync(location, first, { recursive: true });
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
