/**
 * `npm run devnet`: a network of processes, each with its own store, and a checker that gets every
 * message.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stdout } from '../../src/cli/channel.js';
import { UsageError } from '../../src/cli/command-error.js';
import { runScript, understood, wholeOption } from '../../src/cli/script.js';
import { onSignal } from '../../src/cli/signals.js';
import { type Run, runDevnet, type Summary } from './devnet.js';
import type { Backend, SinkMode } from './messages.js';
import { type ScenarioName, scenariosFor } from './restore.js';
import { View } from './view.js';

const USAGE = `npm run devnet -- [options]
  --nodes N         number of validators, one process each (4)
  --rounds N        end after N CommitQCs (100)
  --backend NAME    level, wal or noop; noop loses everything when its node is killed (level)
  --kill            kill a random node with SIGKILL every few seconds and restart it
  --kill-every MS   average interval between kills (3000)
  --kills N         do not end before N kills
  --restore N       N times, a random node loses its store to an older snapshot or copy, or runs twice, or is moved; it
                    must sign nothing until it may, and then sign again, own lane included (level)
  --sinks MODE      each node has three witness sinks, which fail in turns: before or after, when signatures leave
  --scenarios A,B   with --restore: only these scenarios of examples/devnet/restore.ts
  --trouble         the store of node 0 fails, then is damaged and refused, and is repaired (level, without --kill)
  --wrong           node 0 votes twice in each view, and forgets its lock: its guard stops it (level), or the checker
                    detects it
  --pace-ms N       minimum time between two blocks of a node (40)
  --payload N       payload of a block in bytes (256)
  --timeout S       fail after S seconds (600)
  --metrics PORT    node 0 serves its metrics to Prometheus on this port
  --dir DIR         directory of the stores, which is kept (default: a temporary directory)
Exit codes: 0 no violation; 1 a violation, or a node that exited unexpectedly; 2 usage;
  6 the output could not be written; 7 an error in the program.
`;

function readArgs(args: string[]): Run & { readonly temporary: boolean } {
  const options = {
    nodes: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '100' },
    backend: { type: 'string', default: 'level' },
    kill: { type: 'boolean', default: false },
    'kill-every': { type: 'string', default: '3000' },
    kills: { type: 'string', default: '0' },
    restore: { type: 'string', default: '0' },
    sinks: { type: 'string' },
    scenarios: { type: 'string' },
    trouble: { type: 'boolean', default: false },
    wrong: { type: 'boolean', default: false },
    'pace-ms': { type: 'string', default: '40' },
    payload: { type: 'string', default: '256' },
    timeout: { type: 'string', default: '600' },
    metrics: { type: 'string' },
    dir: { type: 'string' },
  } as const;
  const { values } = understood(() => parseArgs({ args, options }));
  if (!['level', 'wal', 'noop'].includes(values.backend))
    throw new UsageError(`--backend must be level, wal or noop, got "${values.backend}"`);
  if (values.trouble && (values.kill || values.backend !== 'level'))
    throw new UsageError('--trouble needs --backend level and excludes --kill');
  const restores = wholeOption('restore', values.restore, 0);
  if (restores > 0 && values.backend !== 'level') throw new UsageError('--restore needs --backend level');
  const sinks = sinkMode(values.sinks);
  if (sinks !== undefined && values.backend !== 'level') throw new UsageError('--sinks needs --backend level');
  return {
    restores,
    ...(sinks === undefined ? {} : { sinks }),
    ...(values.scenarios === undefined ? {} : { scenarios: scenariosIn(values.scenarios, sinks) }),
    trouble: values.trouble,
    wrongNode: values.wrong,
    nodes: wholeOption('nodes', values.nodes, 2),
    rounds: wholeOption('rounds', values.rounds, 1),
    backend: values.backend as Backend,
    ...(values.kill ? { killEveryMs: wholeOption('kill-every', values['kill-every'], 100) } : {}),
    killsMin: values.kill ? wholeOption('kills', values.kills, 0) : 0,
    paceMs: wholeOption('pace-ms', values['pace-ms'], 0),
    payloadBytes: wholeOption('payload', values.payload, 0),
    timeoutMs: wholeOption('timeout', values.timeout, 1) * 1000,
    ...(values.metrics === undefined ? {} : { metricsPort: wholeOption('metrics', values.metrics, 0) }),
    dir: values.dir ?? mkdtempSync(join(tmpdir(), 'lanestore-devnet-')),
    temporary: values.dir === undefined,
  };
}

function sinkMode(mode: string | undefined): SinkMode | undefined {
  if (mode === undefined || mode === 'before' || mode === 'after') return mode;
  throw new UsageError(`--sinks must be before or after, got "${mode}"`);
}

function scenariosIn(text: string, sinks: SinkMode | undefined): ScenarioName[] {
  const known = scenariosFor(sinks);
  return text.split(',').map((name) => {
    const found = known.find((scenario) => scenario === name);
    if (found === undefined) throw new UsageError(`--scenarios must name some of ${known.join(', ')}; got "${name}"`);
    return found;
  });
}

function print(text: string): void {
  void stdout.write(`${text}\n`);
}

function at(samples: readonly number[], share: number): string {
  const sample = samples[Math.min(samples.length - 1, Math.floor(samples.length * share))];
  return sample === undefined ? '-' : `${sample.toFixed(1)} ms`;
}

function report(summary: Summary): void {
  const { rounds, kills, seconds, messages, durableMs, catchUpMs, stopped, violations, failures } = summary;
  const restores = total(summary.restores.values());
  const restored = restores > 0 ? `, ${restores} restores` : '';
  print(`\n${rounds} rounds, ${kills} kills${restored}, ${messages} messages checked, ${seconds.toFixed(1)} s`);
  if (restores > 0) reportRestores(summary);
  print(
    `time to durable of a block: p50 ${at(durableMs, 0.5)}, p99 ${at(durableMs, 0.99)} (${durableMs.length} blocks)`,
  );
  if (kills > 0) print(`catch-up after a restart: p50 ${at(catchUpMs, 0.5)}, longest ${at(catchUpMs, 1)}`);
  if (stopped > 0) print(`contradicting votes that the guard refused: ${stopped}`);
  for (const failure of failures) print(`FAILED: ${failure}`);
  for (const violation of violations) print(`VIOLATION: ${violation}`);
  print(`${violations.length} violations`);
}

function reportRestores({ restores, counts, commandKills, sinkFailures, endedLanes }: Summary): void {
  const { handovers, refusals, releases } = counts;
  print(`restores: ${named(restores)}`);
  print(`${handovers} handovers, ${refusals} refusals, ${releases} releases, ${commandKills} commands killed`);
  if (sinkFailures !== undefined) {
    const failures = new Map(Object.entries(sinkFailures));
    print(`${total(failures.values())} sink failures: ${named(failures)}`);
  }
  if (endedLanes > 0) print(`own lanes at their end, because their last block was never sent: ${endedLanes}`);
}

function named(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
}

function total(numbers: Iterable<number>): number {
  return [...numbers].reduce((sum, number) => sum + number, 0);
}

async function main(args: string[]): Promise<number> {
  const run = readArgs(args);
  const remove = () => {
    if (run.temporary) rmSync(run.dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 10 });
  };
  const forget = onSignal(remove);
  try {
    const kills = run.killEveryMs === undefined ? '' : ', with kills';
    const sinks = run.sinks === undefined ? '' : `, sinks ${run.sinks}`;
    print(`${run.nodes} nodes on ${run.backend}${kills}${sinks}; stores in ${run.dir}`);
    const summary = await runDevnet(run, new View(process.stdout.isTTY, (text) => void stdout.write(text)));
    report(summary);
    return summary.violations.length + summary.failures.length === 0 ? 0 : 1;
  } finally {
    remove();
    forget();
  }
}

await runScript(USAGE, main);
