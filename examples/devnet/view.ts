/** The display of a run: a live table on a terminal, else a line every two seconds. */
import type { Height } from './messages.js';

/** One node in the display. */
export interface Row {
  readonly up: boolean;
  readonly kills: number;
  readonly height: Height | undefined;
}

/** The progress of a run. */
export interface Progress {
  readonly rows: readonly Row[];
  readonly rounds: bigint;
  readonly kills: number;
  readonly seconds: number;
  readonly violations: number;
}

const LINE_MS = 2000;

/** Shows progress. On a terminal the table replaces the previous one. */
export class View {
  readonly #live: boolean;
  readonly #write: (text: string) => void;
  #drawn = 0;
  #lastLine = 0;

  constructor(live = process.stdout.isTTY === true, write = (text: string): void => void process.stdout.write(text)) {
    this.#live = live;
    this.#write = write;
  }

  show(progress: Progress): void {
    if (this.#live) {
      this.#draw(table(progress));
      return;
    }
    const now = Date.now();
    if (now - this.#lastLine < LINE_MS) return;
    this.#lastLine = now;
    this.#write(`${line(progress)}\n`);
  }

  /** Writes a permanent line. */
  say(line: string): void {
    this.#write(this.#live ? `\x1b[2K${line}\n` : `${line}\n`);
    this.#drawn = 0;
  }

  #draw(lines: readonly string[]): void {
    if (this.#drawn > 0) this.#write(`\x1b[${this.#drawn}A`);
    this.#write(lines.map((text) => `\x1b[2K${text}\n`).join(''));
    this.#drawn = lines.length;
  }
}

function line({ rows, rounds, kills, seconds, violations }: Progress): string {
  const heights = rows.map(({ up, height }) => (up ? `${height?.road ?? '-'}` : 'down')).join(' ');
  return `${seconds.toFixed(0)} s: round ${rounds}, nodes at ${heights}, ${kills} kills, ${violations} violations`;
}

function table(progress: Progress): string[] {
  const head = `round ${progress.rounds}   ${progress.kills} kills   ${progress.violations} violations   ${progress.seconds.toFixed(0)} s`;
  const columns = 'node      road    anchor  kills  dropped  blocks of each lane';
  const rows = progress.rows.map(({ up, kills, height }, i) => {
    const state = up ? 'up  ' : 'DOWN';
    const blocks = height?.blocks.map((next) => `${next}`.padStart(6)).join('') ?? '';
    const cells = [
      `${height?.road ?? '-'}`.padStart(6),
      `${height?.anchor ?? '-'}`.padStart(8),
      `${kills}`.padStart(6),
      `${height?.dropped ?? '-'}`.padStart(8),
    ];
    return `${i} ${state} ${cells.join(' ')} ${blocks}`;
  });
  return [head, columns, ...rows];
}
