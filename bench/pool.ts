/**
 * Worker processes for all workloads of a quick run, one per contender, so that their code is
 * warmed up only once. A full run uses a fresh process for each workload and a longer warm-up.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContenderKind } from './contenders/contender.js';
import { Host } from './host.js';
import { mapLimited } from './map-limited.js';
import { workloadOf } from './workload.js';

/** The workload of the warm-up: many small entries, for which warm code matters most. */
const WARM_UP_WORKLOAD = workloadOf('ii');
const WARM_UP_ROUNDS_MIN = 40;
const WARM_UP_ROUNDS_MAX = 300;
const WARM_UP_MS_MAX = 1200;
const AT_A_TIME = 3;

export class Pool {
  readonly #hosts = new Map<string, Host>();

  /** Starts the processes and runs some rounds in each. Creates `dir` and removes it. */
  static async start(kinds: readonly ContenderKind[], dir: string): Promise<Pool> {
    const pool = new Pool();
    for (const { name, env } of kinds) pool.#hosts.set(name, new Host(env));
    try {
      await mapLimited(kinds, AT_A_TIME, async (kind) => {
        const host = pool.hostOf(kind);
        const place = join(dir, kind.name);
        mkdirSync(place, { recursive: true });
        await host.open(kind.name, place, WARM_UP_WORKLOAD, 1);
        await host.run(WARM_UP_ROUNDS_MIN, WARM_UP_ROUNDS_MAX, WARM_UP_MS_MAX);
        await host.close();
      });
    } catch (error) {
      await pool.end();
      throw error;
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
    return pool;
  }

  hostOf(kind: ContenderKind): Host {
    const host = this.#hosts.get(kind.name);
    if (host === undefined) throw new Error(`there is no process for ${kind.name}`);
    return host;
  }

  async end(): Promise<void> {
    for (const host of this.#hosts.values()) await host.end();
  }
}
