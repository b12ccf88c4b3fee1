/**
 * The process of one contender. It makes its rounds from the same seed as all others, and times
 * them. Parent and worker use Node's IPC channel, one request at a time (host.ts).
 */
import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Contender, Durable, Job } from './contenders/contender.js';
import { contenderOf } from './contenders/index.js';
import { LongestTurn } from './longest-turn.js';
import { MARK_BEGIN, MARK_END } from './marks.js';
import { memoryOf, writtenBy } from './proc.js';
import type { Answer, Figures, Request, Restarted, Slice } from './protocol.js';
import { RoundSource } from './rounds.js';
import { roundBlockBytes } from './workload.js';

/**
 * Number of rounds that are prepared at a time: few interruptions of the measured rounds, bounded
 * memory.
 */
const CHUNK_ROUNDS = 50;
const CHUNK_BYTES = 48 * 1024 * 1024;
/** The same for the first chunk, when the duration of a round is unknown. */
const FIRST_CHUNK_ROUNDS = 5;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** One open contender and its source of rounds. */
class Session {
  readonly #contender: Contender;
  readonly #source: RoundSource;
  readonly #isElsewhere: boolean;
  readonly #longest = new LongestTurn();
  #rounds = 0;
  #userBytes = 0;
  /** CPU time of this process that the contender did not cause: making rounds. */
  #sparedMs = 0;

  constructor(contender: Contender, source: RoundSource, isElsewhere: boolean) {
    this.#contender = contender;
    this.#isElsewhere = isElsewhere;
    this.#source = source;
  }

  get roundsToFill(): number {
    return this.#source.roundsToFill;
  }

  /**
   * Runs at least `roundsMin` rounds, then stops after `roundsMax` rounds or `msMax` milliseconds.
   */
  async run(roundsMin: number, roundsMax: number, msMax: number, inFlight: number): Promise<Slice> {
    const times: Durable[] = [];
    let spent = 0;
    while (times.length < roundsMax && (times.length < roundsMin || spent < msMax)) {
      const wanted = times.length < roundsMin ? roundsMin - times.length : ((msMax - spent) / spent) * times.length;
      const most = Math.min(roundsMax - times.length, times.length === 0 ? FIRST_CHUNK_ROUNDS : CHUNK_ROUNDS);
      const jobs = this.#prepare(Math.min(most, this.#chunkRounds, Math.ceil(wanted)));
      await this.#longest.during(async () => {
        for (let at = 0; at < jobs.length; at += inFlight) {
          const started = performance.now();
          times.push(...(await Promise.all(jobs.slice(at, at + inFlight).map((job) => job()))));
          spent += performance.now() - started;
        }
      });
    }
    const turnMsMax = this.#longest.take();
    return { rounds: times, turnMsMax: this.#isElsewhere ? null : turnMsMax };
  }

  /**
   * Runs rounds one by one. Keeps nothing of them, and lets V8 collect garbage when it wants, so
   * that a million rounds do not take an hour.
   */
  async fill(rounds: number): Promise<void> {
    for (let i = 0; i < rounds; i++) await this.#next()();
  }

  get #chunkRounds(): number {
    return Math.max(1, Math.floor(CHUNK_BYTES / roundBlockBytes(this.#source.workload)));
  }

  /** Prepares rounds, then collects the garbage, so that the measured rounds do not pay for it. */
  #prepare(rounds: number): Job[] {
    const before = cpuMs();
    const jobs: Job[] = [];
    for (let i = 0; i < rounds; i++) jobs.push(this.#next());
    collectGarbage();
    this.#sparedMs += cpuMs() - before;
    return jobs;
  }

  #next(): Job {
    const job = this.#contender.prepare(this.#source.next());
    this.#rounds++;
    this.#userBytes += this.#contender.userBytes;
    return job;
  }

  /** Totals since the start. */
  async figures(): Promise<Figures> {
    const counts = { rounds: this.#rounds, userBytes: this.#userBytes, syncs: this.#contender.syncs ?? null };
    const own = await this.#contender.figures?.();
    if (own !== undefined) return { ...own, ...counts };
    collectGarbage();
    const { rss, rssPeak } = memoryOf('self');
    const { calls, storage } = writtenBy('self');
    return {
      cpuMs: cpuMs() - this.#sparedMs,
      rssBytes: rss,
      rssPeakBytes: rssPeak,
      writtenBytes: calls,
      storageBytes: storage,
      ...counts,
    };
  }

  close(): Promise<void> {
    return this.#contender.close();
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

let session: Session | undefined;

function opened(): Session {
  if (session === undefined) throw new Error('nothing is open');
  return session;
}

async function restart(name: string, dir: string): Promise<Restarted | undefined> {
  const kind = contenderOf(name);
  const longest = new LongestTurn();
  const found = await longest.during(async () => kind.restart?.(dir));
  return found && { ...found, turnMsMax: kind.isElsewhere === true ? null : longest.take() };
}

async function handle(request: Request): Promise<unknown> {
  switch (request.kind) {
    case 'open': {
      const source = new RoundSource(request.workload, request.seed);
      const kind = contenderOf(request.contender);
      session = new Session(await kind.open(request.dir), source, kind.isElsewhere ?? false);
      return { roundsToFill: session.roundsToFill };
    }
    case 'run':
      if (request.marked) existsSync(MARK_BEGIN);
      try {
        return await opened().run(request.roundsMin, request.roundsMax, request.msMax, request.inFlight);
      } finally {
        if (request.marked) existsSync(MARK_END);
      }
    case 'fill':
      return opened().fill(request.rounds);
    case 'figures':
      return opened().figures();
    case 'close':
      return opened().close();
    case 'restart':
      return restart(request.contender, request.dir);
  }
}

process.on('message', async (request: Request) => {
  let answer: Answer;
  try {
    answer = { value: await handle(request) };
  } catch (error) {
    answer = { error: (error as Error).stack ?? String(error) };
  }
  process.send?.(answer);
});
