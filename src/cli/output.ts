/** Where a verb writes: data to stdout, progress and warnings to stderr; colour only on a terminal. */
import { styleText } from 'node:util';

/** Exit codes of every verb. */
export const EXIT = { fine: 0, findings: 1, usage: 2, unreadable: 3 } as const;

/** A line of data. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** A line of progress or a warning. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
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

/** A reader that went away (`| head`) is no error. */
export function quietOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.fine);
      throw error;
    });
  }
}

/** `bytes` in the largest unit that keeps it above 1. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** A lane id as people can tell it from others. */
export function shortLane(lane: string): string {
  return lane.length > 8 ? `${lane.slice(0, 8)}…` : lane;
}
