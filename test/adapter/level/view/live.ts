/** A node under load in another process, and the states that a copy of its store may hold. */

import { Held, Load, type ModeName } from '../../../kill/load.js';
import { spawnWorker } from '../../../support/kill.js';

const WORKER = new URL('../../../kill/kill-worker.js', import.meta.url);
/** As in kill-worker.ts. */
const IN_FLIGHT = 8;

/** A running node. */
export interface LiveNode {
  /** Calls that the node reported as acknowledged, by `done` or by a hook. */
  readonly acknowledged: number;
  /** Resolves after that many more calls are acknowledged. */
  more(calls: number): Promise<void>;
  /**
   * Checks that `text` is the state after some number of calls, at least `least`. The texts must
   * come in the order of the copies: each state is not older than the one before.
   */
  expectPrefix(text: string, least: number, what: string): void;
  /** Kills the process. Fails if it has reported an error, or has ended before. */
  kill(): Promise<void>;
}

/**
 * Starts a node with the load of `kill-worker.ts` on an absent location. The calls of a batch are
 * sequential.
 */
export async function startNode(location: string, mode: Exclude<ModeName, 'sweeps'>, seed: number): Promise<LiveNode> {
  const child = spawnWorker(WORKER, [location, mode, `${seed}`]);
  await child.line((line) => line.startsWith('open'));
  const load = new Load(seed, mode, new Held().state);
  const held = new Held();
  let [read, acknowledged, applied] = [0, 0, 0];
  let textNow = held.text;
  const count = () => {
    for (; read < child.lines.length; read++) {
      const [word, call = ''] = child.lines[read]!.split(' ');
      if (word === 'done' || word === 'hook' || word === 'qc' || word === 'anchor')
        acknowledged = Math.max(acknowledged, Number(call) + 1);
    }
    return acknowledged;
  };
  const step = () => {
    held.apply(load.next());
    applied++;
    textNow = undefined as never;
  };
  return {
    get acknowledged() {
      return count();
    },
    async more(calls) {
      const wanted = count() + calls;
      // Polled: every line would be one callback.
      while (count() < wanted) {
        if (child.process.exitCode !== null) throw new Error(`the node ended: ${child.lines.at(-1)}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    expectPrefix(text, least, what) {
      while (applied < least) step();
      for (const most = count() + IN_FLIGHT; ; step()) {
        textNow ??= held.text;
        if (textNow === text) return;
        if (applied >= most) throw new Error(`${what}: no number of calls from ${least} to ${most} leads to\n${text}`);
      }
    },
    async kill() {
      child.process.kill('SIGKILL');
      const { signal, stderr } = await child.ended;
      const wrong = child.lines.find((line) => line.startsWith('wrong'));
      if (signal !== 'SIGKILL' || wrong !== undefined) throw new Error(`the node: ${wrong ?? stderr}`);
    },
  };
}
