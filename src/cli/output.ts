/** Where a verb writes: data to stdout, progress and warnings to stderr; colour only on a terminal. */
import { styleText } from 'node:util';
import { stderr, stdout } from './channel.js';
import { CommandError } from './command-error.js';

/** Where lines go: stdout, unless a verb keeps that for one JSON value at its end. */
let lines = stdout;

/** From here on, lines are progress: they go to stderr, and stdout is for {@link writeJson}. */
export function linesAreProgress(): void {
  lines = stderr;
}

/** A line of data. */
export function print(line = ''): void {
  void lines.write(`${line}\n`);
}

/**
 * Data of any size: resolves when the reader has taken it, so that nothing piles up, or has gone away.
 * @throws CommandError (output) if it cannot be written.
 */
export async function write(data: string | Uint8Array): Promise<void> {
  await stdout.write(data);
  const error = outputError();
  if (error !== undefined) throw error;
}

/** What is to be said if something of what was printed could not be written. */
export function outputError(): CommandError | undefined {
  const { failure } = stdout;
  if (failure === undefined) return undefined;
  return new CommandError(
    'output',
    `standard output cannot be written: ${failure.message}`,
    'make room, or send the output elsewhere, and run it again; what a command makes or changes may be there already',
  );
}

/** One JSON value in a line of its own; bigints as decimal strings, bytes as hex. */
export function writeJson(value: unknown): Promise<void> {
  return write(`${toJson(value)}\n`);
}

/** JSON of any value of this project: bigints as decimal strings, bytes as hex. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(plain(value), null, indent);
}

/** The same value with nothing but what JSON has. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** A line of progress or a warning. */
export function note(line: string): void {
  void stderr.write(`${line}\n`);
}

/** True where colour and moving lines are welcome. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
}

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** The text in a colour, or as it is when not on a terminal. */
export function styled(style: Style, text: string): string {
  return isTerminal() ? styleText(style, text) : text;
}

/** `bytes` in the largest unit that keeps it above 1. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 * 1024 * 1024) return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  return `${(bytes / 1024 / 1024 / 1024).toFixed(1)} GiB`;
}

/** A lane id as people can tell it from others. */
export function shortLane(lane: string): string {
  return lane.length > 8 ? `${lane.slice(0, 8)}…` : lane;
}

/** A moving line on a terminal's stderr, at most some times a second; nothing elsewhere. */
export function progressLine(): { show(text: string): void; end(): void } {
  let last = 0;
  const moving = process.stderr.isTTY === true;
  return {
    show(text) {
      const now = performance.now();
      if (!moving || now - last < PROGRESS_MS) return;
      last = now;
      void stderr.write(`\r${text}\u001b[K`);
    },
    end() {
      if (last > 0) void stderr.write('\r\u001b[K');
    },
  };
}

const PROGRESS_MS = 200;
