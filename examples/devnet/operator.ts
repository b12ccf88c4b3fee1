/**
 * The operator of the validators: runs commands of `lanestore`, some of which are killed at a
 * random moment and repeated.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The program of the command `lanestore`, from the same build. */
export const LANESTORE = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** The result of a command that was not killed. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const WINDOW_MS = 1000;
const LOOK_MS = 2;
/** Upper bound of the time from the appearance of a file to the kill. */
const AFTER_MS_MAX = 40;

/** Runs commands. */
export class Operator {
  /** Commands that were killed. */
  kills = 0;
  #windowMs = WINDOW_MS;

  /** Runs a command to its end. */
  async run(...args: string[]): Promise<Ended> {
    return (await this.#started(args, () => undefined)) as Ended;
  }

  /** Runs a command to its end. @throws Error if it fails. */
  async done(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...args);
    if (status !== 0) throw new Error(`lanestore ${args.join(' ')} ended with ${status}: ${stderr}`);
    return stdout;
  }

  /**
   * Runs a command, and kills it at a random moment unless it ends earlier. Undefined if it was
   * killed.
   */
  killed(...args: string[]): Promise<Ended | undefined> {
    return this.#started(args, (kill) => {
      const timer = setTimeout(kill, this.#windowMs * Math.random());
      return () => clearTimeout(timer);
    });
  }

  /** Like {@link killed}, but kills the command shortly after `path` exists. */
  killedAfter(path: string, ...args: string[]): Promise<Ended | undefined> {
    return this.#started(args, (kill) => {
      const look = setInterval(() => {
        if (!existsSync(path)) return;
        clearInterval(look);
        setTimeout(kill, AFTER_MS_MAX * Math.random());
      }, LOOK_MS);
      return () => clearInterval(look);
    });
  }

  async #started(
    args: readonly string[],
    plan: (kill: () => void) => (() => void) | undefined,
  ): Promise<Ended | undefined> {
    const began = performance.now();
    const child = spawn(process.execPath, [LANESTORE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const forget = plan(() => child.kill('SIGKILL'));
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    forget?.();
    if (status === null) {
      this.kills++;
      return undefined;
    }
    if (status === 0) this.#windowMs = performance.now() - began;
    return { status, stdout, stderr };
  }
}
