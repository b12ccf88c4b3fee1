/**
 * A crash before every file operation of a process. The process runs once, under the shim, which
 * stops it before each call that changes a file or a name, or makes a change durable; at each stop
 * its files are copied. So the calls of LevelDB are in, which no port to files shows.
 *
 * Each stop gives what a crash of the process leaves, all that was written, and what a power cut
 * may leave: of the bytes that were not synced nothing, one half, or zeros. Names are taken for
 * durable in the order in which they changed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Mutex } from '../../src/base/mutex.js';
import { Image } from './image.js';
import { faultEnv } from './shim.js';

/** The files before a call of the process; the last one, `end`: after all calls. */
export interface Stop<Seen = undefined> {
  /** `fdatasync level/000007.log`; for a rename, the new name. */
  readonly call: string;
  readonly image: Image;
  /** What {@link Beside.look} saw. */
  readonly seen: Seen;
}

/** What a crash leaves. */
export interface CrashState<Seen = undefined> {
  /** For messages: the call, and the lost data. */
  readonly name: string;
  readonly image: Image;
  readonly seen: Seen;
  /** The process had ended: what it acknowledged must be there. */
  readonly isEnded: boolean;
}

/** Something else that the process changes, such as a server; it stops the process, too. */
export interface Beside<Seen> {
  look(): Promise<Seen>;
  /** Must call `stop` before each step, and wait for it. */
  watch(stop: (call: string) => Promise<void>): void;
}

/** The process, and what it works on. */
export interface Stepped<Seen> {
  /** A compiled file. */
  readonly worker: URL;
  /** Its first argument. */
  readonly location: string;
  /** The shim. */
  readonly library: string;
  readonly args?: readonly string[];
  readonly beside?: Beside<Seen>;
  /** Number of states in the short form; without it, {@link SHORT_STATES_MAX}. */
  readonly shortStatesMax?: number;
}

const HANG_MS = 120_000;
/** Names whose bytes are for people, or for locking. */
const IS_ASIDE = /\/(LOG|LOG\.old|LOCK)$/;

/** Runs a process, stopped at every call. @throws Error if it fails. */
export async function stopsOf<Seen = undefined>(stepped: Stepped<Seen>): Promise<Stop<Seen>[]> {
  const { worker, location, library, args = [], beside } = stepped;
  const child = spawn(process.execPath, [fileURLToPath(worker), location, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...faultEnv(library, `${location}/`, 'step') },
  });
  const hang = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const control = child.stdio[3] as Readable & Writable;
  const stops: Stop<Seen>[] = [];
  const turns = new Mutex();
  const stop = (call: string) =>
    turns.run(async () => {
      const seen = (await beside?.look()) as Seen;
      stops.push({ call, image: Image.of(location), seen });
    });
  beside?.watch(stop);
  for await (const call of createInterface({ input: control })) {
    await stop(call);
    control.write('.');
  }
  const code = await ended;
  clearTimeout(hang);
  if (code !== 0) throw new Error(`the worker ended with ${code}: ${stderr}`);
  await stop('end');
  return stops;
}

const LOSSES = {
  'what was not synced is lost': (durable: Buffer) => durable,
  'half of what was not synced is lost': (durable: Buffer, written: Buffer) =>
    written.subarray(0, Math.ceil((durable.length + written.length) / 2)),
  'what was not synced is zeros': (durable: Buffer, written: Buffer) =>
    Buffer.concat([durable, Buffer.alloc(Math.max(0, written.length - durable.length))]),
} as const;

/**
 * The full form has every loss at every stop. The short one has one at each stop, in turn (a batch
 * is not synced at several stops in a row, and meets all of them), and of many states an even
 * selection.
 */
const IS_FULL = process.env.LANESTORE_CRASHES === 'all';
const SHORT_STATES_MAX = 40;

/**
 * Runs the process, and gives what each crash of it leaves; equal states are given once. In the
 * short form, which `LANESTORE_CRASHES=all` ends, a selection.
 * @throws Error if the process fails.
 */
export async function crashStates<Seen = undefined>(stepped: Stepped<Seen>): Promise<readonly CrashState<Seen>[]> {
  const stops = await stopsOf(stepped);
  const durables = [...durableAt(stops)];
  const states = new Map<string, CrashState<Seen>>();
  const add = (name: string, image: Image, seen: Seen, isEnded: boolean) => {
    const held = new Map([...image.files].filter(([path]) => !IS_ASIDE.test(path)));
    const files = [...held].map(([path, bytes]) => `${path} ${bytes.toString('latin1')}`);
    const key = `${isEnded} ${files.join()} ${JSON.stringify(seen)}`;
    if (!states.has(key)) states.set(key, { name, image: new Image(held), seen, isEnded });
  };
  for (const [n, { call, image, seen }] of stops.entries()) {
    const isEnded = call === 'end';
    const name = `${n}, before ${call}`;
    add(name, image, seen, isEnded);
    const losses = Object.entries(LOSSES);
    for (const [loss, left] of IS_FULL ? losses : [losses[n % losses.length]!]) {
      const files = [...image.files].map(([path, written]): [string, Buffer] => {
        const synced = durables[n]?.get(path) ?? Buffer.alloc(0);
        return [path, synced.equals(written) ? written : left(synced, written)];
      });
      add(`${name}, ${loss}`, new Image(new Map(files)), seen, isEnded);
    }
  }
  return selectionOf([...states.values()], stepped.shortStatesMax ?? SHORT_STATES_MAX, ({ isEnded }) => isEnded);
}

/**
 * All in the full form; in the short one an even selection of about `max`, the last one among them,
 * and those that `isKept`.
 */
export function selectionOf<T>(all: readonly T[], max: number, isKept: (item: T) => boolean = () => false): T[] {
  const part = IS_FULL || all.length <= max ? 1 : all.length / max;
  return all.filter((item, n) => isKept(item) || Math.floor((n + 1) / part) > Math.floor(n / part));
}

/**
 * What is durable before each stop, of a process that found `durable` durable. By default all that
 * was there when it began.
 */
export function* durableAt(
  stops: readonly Stop<unknown>[],
  found: ReadonlyMap<string, Buffer> = stops[0]?.image.files ?? new Map(),
): Generator<ReadonlyMap<string, Buffer>> {
  const durable = new Map(found);
  for (const [n, { call, image }] of stops.entries()) {
    yield new Map(durable);
    const next = stops[n + 1]?.image;
    if (next !== undefined) settle(durable, call, image, next);
  }
}

/** Adds the crash to the error of its check. */
export function crashedAt(name: string): (error: Error) => never {
  return (error: Error & { details?: string }) => {
    throw new Error(`${name}: ${error.message} ${error.details ?? ''}`, { cause: error });
  };
}

/** The first state that a check refuses, and why; undefined if it accepts all. */
export async function firstWrong<Seen>(
  states: readonly CrashState<Seen>[],
  check: (state: CrashState<Seen>) => Promise<unknown>,
): Promise<string | undefined> {
  for (const state of states) {
    try {
      await check(state);
    } catch (error) {
      return `${state.name}: ${(error as Error).message}`;
    }
  }
  return undefined;
}

/** Runs `use` with an empty directory, in memory if there is one: images are written many times. */
export async function inMemory(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : realpathSync(tmpdir()), 'lanestore-crash-'));
  try {
    await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What a call makes durable, or moves. */
function settle(durable: Map<string, Buffer>, call: string, before: Image, after: Image): void {
  const [kind, path = ''] = call.split(' ');
  const [bytes, later] = [before.files.get(path), after.files.get(path)];
  if ((kind === 'fdatasync' || kind === 'fsync') && bytes !== undefined) durable.set(path, bytes);
  if (kind === 'dsync' && later !== undefined) durable.set(path, later);
  if (kind !== 'rename') return;
  const gone = before.paths((name) => !after.files.has(name));
  if (later !== undefined) {
    durable.set(path, durable.get(gone[0] ?? '') ?? Buffer.alloc(0));
    return;
  }
  // A directory: what was durable under the old name is, under the new one.
  for (const name of after.paths((other) => other.startsWith(`${path}/`))) {
    const from = gone.find((old) => old.endsWith(name.slice(path.length)));
    durable.set(name, durable.get(from ?? '') ?? Buffer.alloc(0));
  }
}
