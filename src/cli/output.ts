/** Output of verbs: data to stdout, progress and warnings to stderr; colour only on a terminal. */
import { styleText } from 'node:util';
import { stderr, stdout } from './channel.js';
import { CommandError } from './command-error.js';

/** The channel of {@link print}: stderr if stdout is reserved for one JSON value. */
let lines = stdout;

/**
 * From now on {@link print} writes to stderr, so that stdout holds only what {@link writeJson}
 * writes.
 */
export function linesAreProgress(): void {
  lines = stderr;
}

/** Writes a line of data. */
export function print(line = ''): void {
  hideClock();
  void lines.write(`${line}\n`);
}

/**
 * Writes data of any size. Resolves when it was written, or when the reader has closed the pipe.
 * Await it, so that output does not accumulate in memory.
 * @throws CommandError (output) if it cannot be written.
 */
export async function write(data: string | Uint8Array): Promise<void> {
  hideClock();
  await stdout.write(data);
  const error = outputError();
  if (error !== undefined) throw error;
}

/** True once a write found that the reader of stdout has closed the pipe. */
export function isReaderGone(): boolean {
  return stdout.isReaderGone;
}

/** The error if some output could not be written. */
export function outputError(): CommandError | undefined {
  const { failure } = stdout;
  if (failure === undefined) return undefined;
  return new CommandError(
    'output',
    `standard output cannot be written: ${failure.message}`,
    'free space or redirect the output, then run it again; results that the command writes to disk may exist already',
  );
}

/** Writes one JSON value on its own line; see {@link toJson}. */
export function writeJson(value: unknown): Promise<void> {
  return write(`${toJson(value)}\n`);
}

/** JSON of any value of this project: bigints as decimal strings, bytes as hex. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(plain(value), null, indent);
}

/** The same value in JSON types: bigints become decimal strings, bytes hex, Maps objects. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** Writes a line of progress, a warning or an error to stderr. */
export function note(line: string): void {
  hideClock();
  void stderr.write(`${line}\n`);
}

/** True if stdout is a terminal and NO_COLOR is not set. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
}

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** The text in a style on a terminal; else unchanged. */
export function styled(style: Style, text: string): string {
  return isTerminal() ? styleText(style, text) : text;
}

/** `bytes` in the largest unit, up to GiB, in which the number is at least 1. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 * 1024 * 1024) return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  return `${(bytes / 1024 / 1024 / 1024).toFixed(1)} GiB`;
}

/** Hex digits of a lane at 73f917bbd, which ends with the epoch in which its validator joined. */
const [LANE_DIGITS, KEY_DIGITS] = [80, 64];

/** A shortened lane id; with the epoch, if that is not 0. */
export function shortLane(lane: string): string {
  if (lane.length <= 8) return lane;
  const joined = lane.length === LANE_DIGITS ? BigInt(`0x${lane.slice(KEY_DIGITS)}`) : 0n;
  return `${lane.slice(0, 8)}…${joined === 0n ? '' : joined}`;
}

/**
 * A progress line on stderr, updated at most every PROGRESS_MS. Does nothing if stderr is no
 * terminal.
 */
export function progressLine(): { show(text: string): void; end(): void } {
  let last = 0;
  const moving = process.stderr.isTTY === true;
  return {
    show(text) {
      const now = performance.now();
      if (!moving || now - last < PROGRESS_MS) return;
      if (last === 0) hideClock();
      last = now;
      void stderr.write(`\r${text}\u001b[K`);
    },
    end() {
      if (last > 0) void stderr.write('\r\u001b[K');
    },
  };
}

const PROGRESS_MS = 200;
const CLOCK_MS = 1000;

let clock: NodeJS.Timeout | undefined;

/**
 * Shows on stderr for how long `name` has been running, from the first second until something else
 * is printed or {@link hideClock} is called. Does nothing if stderr is no terminal.
 */
export function showClock(name: string): void {
  if (process.stderr.isTTY !== true) return;
  const startedAt = performance.now();
  clock = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / CLOCK_MS);
    void stderr.write(`\r${name}: ${seconds} s\u001b[K`);
  }, CLOCK_MS).unref();
}

/** Ends {@link showClock} and removes its line. */
export function hideClock(): void {
  if (clock === undefined) return;
  clearInterval(clock);
  clock = undefined;
  void stderr.write('\r\u001b[K');
}
