/**
 * The demo's child process: a replay that prints each durable entry and is killed in the middle of
 * a round.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { LanestoreError } from '../errors.js';
import type { LaneId } from '../index.js';
import { onSignal } from './signals.js';

/**
 * What a store acknowledged before its process was killed, parsed from the lines that it printed.
 */
export interface Acknowledgements {
  readonly durable: ReadonlySet<number>;
  /** Rounds that were submitted and not acknowledged. */
  readonly inFlight: readonly number[];
  /** `<lane> <number>` of each block. */
  readonly blocks: ReadonlySet<string>;
  readonly commitQCs: ReadonlySet<bigint>;
  readonly anchors: ReadonlySet<bigint>;
}

/** Empty acknowledgements. */
export function acknowledgements(): Acknowledgements {
  return { durable: new Set(), inFlight: [], blocks: new Set(), commitQCs: new Set(), anchors: new Set() };
}

/** The name of a block in {@link Acknowledgements}. */
export function blockName(lane: LaneId, number: bigint): string {
  return `${lane} ${number}`;
}

/** One run of the child process. */
export interface Execution {
  /** The path of the `lanestore` program, which may be a bundle. It is started with `replay`. */
  readonly program: string;
  readonly file: string;
  readonly location: string;
  /** The round at which the child is killed: as soon as it prints that this round was submitted. */
  readonly victim: number;
  readonly inFlight: number;
  readonly paceMs: number;
  readonly onProgress: (durable: number) => void;
}

/**
 * Runs the child until it is killed. Resolves with `before` plus what it acknowledged.
 * @throws LANESTORE_IO if the child cannot be started, or ends before it is killed.
 */
export async function replayUntilKilled(execution: Execution, before: Acknowledgements): Promise<Acknowledgements> {
  const { program, file, location, victim, inFlight, paceMs, onProgress } = execution;
  const args = [
    program,
    'replay',
    file,
    location,
    '--acks',
    '--in-flight',
    String(inFlight),
    '--pace-ms',
    String(paceMs),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const forget = onSignal(() => child.kill('SIGKILL'));
  const exit = once(child, 'exit')
    .catch((cause: Error) => {
      throw new LanestoreError('LANESTORE_IO', `the child process cannot be started: ${cause.message}`, { cause });
    })
    .finally(forget);
  // Without a process there is no output to read. `exit` then rejects with the reason.
  if (child.pid === undefined) await exit;
  const durable = new Set(before.durable);
  const submitted = new Set<number>();
  const blocks = new Set(before.blocks);
  const commitQCs = new Set(before.commitQCs);
  const anchors = new Set(before.anchors);
  for await (const line of createInterface({ input: child.stdout })) {
    const [kind, ...words] = line.split(' ');
    const [first = ''] = words;
    if (kind === 'submitted') {
      submitted.add(Number(first));
      if (Number(first) === victim) child.kill('SIGKILL');
    } else if (kind === 'durable') {
      durable.add(Number(first));
      onProgress(durable.size);
    } else if (kind === 'block') {
      blocks.add(words.join(' '));
    } else if (kind === 'qc') {
      commitQCs.add(BigInt(first));
    } else if (kind === 'anchor') {
      anchors.add(BigInt(first));
    }
  }
  const [, signal] = await exit;
  if (signal !== 'SIGKILL')
    throw new LanestoreError('LANESTORE_IO', 'the child process ended before it could be killed');
  const pending = [...submitted].filter((round) => !durable.has(round));
  return { durable, inFlight: pending, blocks, commitQCs, anchors };
}
