/**
 * The processes that run a campaign's cases: a few, reused; a process that a case has ended is
 * replaced.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Request } from './worker.js';

const WORKER = new URL('./worker.js', import.meta.url);
/** Time limit of a case, far above the duration of any case; beyond it the case hangs. */
const HANG_MS = 120_000;
/** Time limit of the end of a worker. */
const END_MS_MAX = 20_000;
/** Bytes kept of a worker's standard error, to report why it died. */
const STDERR_BYTES = 2000;

/** A worker while it waits or works. */
interface Member {
  readonly process: ChildProcess;
  readonly memory: string;
  readonly disk: string;
  stderr: string;
}

/** A pool of workers in their own directories, which are removed with the pool. */
export class Pool {
  readonly size: number;
  readonly #worker: string;
  readonly #memory = makeRoot('/dev/shm');
  readonly #disk = makeRoot(tmpdir());
  readonly #idle: Member[] = [];
  readonly #all = new Set<Member>();
  #started = 0;
  #waiting: ((member: Member) => void)[] = [];

  constructor(size: number, worker = WORKER) {
    this.size = size;
    this.#worker = fileURLToPath(worker);
  }

  /** Sends a request to a worker. If the worker dies, that is the answer. */
  async ask(request: Request): Promise<Answer> {
    const member = await this.#take();
    const answer = await ask(member, request);
    if (member.process.exitCode === null && member.process.signalCode === null) this.#give(member);
    else this.#bury(member);
    return answer;
  }

  /** Ends all workers; those with servers first end these. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map(({ process: child }) => ended(child)));
    for (const root of [this.#memory, this.#disk]) removeRoot(root);
  }

  async #take(): Promise<Member> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#all.size < this.size) return this.#start();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(member: Member): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(member);
    else next(member);
  }

  #bury(member: Member): void {
    this.#all.delete(member);
    for (const dir of [member.memory, member.disk]) removeRoot(dir);
    const next = this.#waiting.shift();
    if (next !== undefined) next(this.#start());
  }

  #start(): Member {
    const n = `${this.#started++}`;
    const [memory, disk] = [join(this.#memory, n), join(this.#disk, n)];
    const child = fork(this.#worker, [memory, disk], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    const member: Member = { process: child, memory, disk, stderr: '' };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      member.stderr = (member.stderr + text).slice(-STDERR_BYTES);
    });
    this.#all.add(member);
    return member;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  const hang = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
  if (child.connected) child.disconnect();
  await exit;
  clearTimeout(hang);
}

function ask(member: Member, request: Request): Promise<Answer> {
  const { process: child } = member;
  return new Promise((resolve) => {
    const settle = (answer: Answer) => {
      clearTimeout(hang);
      child.removeAllListeners('message').removeAllListeners('exit');
      resolve(answer);
    };
    const hang = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
    child.once('message', (answer: Answer) => settle(answer));
    child.once('exit', (code, signal) => {
      const detail = `the process ended: ${signal ?? `exit ${code}`}: ${member.stderr.trim()}`;
      settle({ mistake: 'died', detail });
    });
    child.send(request);
  });
}

function makeRoot(parent: string): string {
  const base = statSync(parent, { throwIfNoEntry: false })?.isDirectory() ? parent : tmpdir();
  return realpathSync(mkdtempSync(join(base, 'lanestore-faults-')));
}

/** A killed worker may have left a file system mounted below its directory. */
function removeRoot(root: string): void {
  for (const point of mountsBelow(root)) spawnSync('umount', ['-l', point]);
  rmSync(root, { recursive: true, force: true });
}

function mountsBelow(root: string): string[] {
  try {
    const points = readFileSync('/proc/mounts', 'utf8').split('\n');
    return points.map((line) => line.split(' ')[1] ?? '').filter((point) => point.startsWith(`${root}/`));
  } catch {
    return [];
  }
}
