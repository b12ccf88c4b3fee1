/** Computes the numbers of the report from the measurements. */
import { autobahn } from '../src/model/autobahn/index.js';
import type { Durable } from './contenders/contender.js';
import { type ContenderResult, type Latency, QUANTILES, type Syncs, type WorkloadResult } from './results.js';
import { RoundSource } from './rounds.js';
import type { Measured } from './run.js';
import { percentile, type Spread, spread } from './stats.js';
import { syncsPerRound } from './syncs.js';
import type { Workload } from './workload.js';

/** Summarises a workload's run. */
export function summarize(
  workload: Workload,
  measured: readonly Measured[],
  skipped: WorkloadResult['skipped'],
): WorkloadResult {
  const plain = measured.map(summarizeOne);
  const p50Of = (name: string) => plain.find((result) => result.name === name)?.roundMs.p50.median;
  const over = (result: Plain, name: string) => {
    const base = p50Of(name);
    return base === undefined ? null : result.roundMs.p50.median / base;
  };
  const contenders = plain.map((result) => ({
    ...result,
    overLimit: over(result, 'limit'),
    overRaw: over(result, 'raw'),
    overGoWal: over(result, 'go-wal'),
  }));
  return { workload, entryBytes: entryBytesOf(workload), contenders, skipped, complaints: complaintsOf(contenders) };
}

type Plain = Omit<ContenderResult, 'overLimit' | 'overRaw' | 'overGoWal'>;

function summarizeOne(measured: Measured): Plain {
  const { kind, repetitions, spent, restarts } = measured;
  const all = repetitions.flat().map(({ roundMs }) => roundMs);
  return {
    name: kind.name,
    description: kind.description,
    rounds: all.length,
    roundMs: latency(repetitions, ({ roundMs }) => roundMs),
    firstBlockMs: latency(repetitions, ({ firstBlockMs }) => firstBlockMs),
    lastBlockMs: latency(repetitions, ({ lastBlockMs }) => lastBlockMs),
    quantilesMs: QUANTILES.map((share) => percentile(all, share)),
    turnMsMax: { rounds: spreadOrNull(measured.turnMsMax), restart: spreadOrNull(restarts?.turnMsMax ?? []) },
    cpuMsPerRound: spent.cpuMs / spent.rounds,
    syncs: syncsOf(measured),
    userBytesPerRound: spent.userBytes / spent.rounds,
    writtenBytesPerRound: spent.writtenBytes / spent.rounds,
    storageBytesPerRound: spent.storageBytes / spent.rounds,
    writeAmplification: spent.writtenBytes / spent.userBytes,
    diskBytes: measured.diskBytes,
    restartMs: restarts === undefined ? null : spread(restarts.openMs),
    live: restarts?.live ?? null,
    rssBytes: measured.rssBytes,
    rssPeakBytes: measured.rssPeakBytes,
  };
}

function spreadOrNull(samples: readonly number[]): Spread | null {
  return samples.length === 0 ? null : spread(samples);
}

function latency(repetitions: Measured['repetitions'], pick: (durable: Durable) => number): Latency {
  const at = (share: number) => spread(repetitions.map((rounds) => percentile(rounds.map(pick), share)));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function syncsOf({ counted, syncs, spent }: Measured): Syncs | null {
  if (counted !== undefined) {
    const { rounds: _, ...counts } = counted;
    return { perRound: syncsPerRound(counted), how: 'strace', ...counts };
  }
  return syncs === null ? null : { perRound: syncs / spent.rounds, how: 'derived' };
}

/** The sizes of a round's entries when the lanes are full. */
function entryBytesOf(workload: Workload): WorkloadResult['entryBytes'] {
  // Small blocks fill the lanes faster. The block size is taken from a separate source below.
  const source = new RoundSource({ ...workload, blockBytes: 1024 }, 1);
  let round = source.next();
  for (let i = 1; i < source.roundsToFill; i++) round = source.next();
  const [block] = new RoundSource({ ...workload, lanes: 1, blocksPerLane: 1 }, 1).next().blocks;
  return {
    block: block === undefined ? 0 : autobahn.block.toWire(block).length,
    commitQC: autobahn.commitQC.toWire(round.commitQCs[0]).length,
    anchor: round.anchor === undefined ? 0 : autobahn.anchor.toWire(round.anchor).length,
  };
}

/** All contenders got the same rounds, so those that can be reopened must have the same content. */
function complaintsOf(contenders: readonly ContenderResult[]): string[] {
  const held = contenders.filter(({ live }) => live !== null);
  const first = held[0];
  return held
    .filter(({ live }) => JSON.stringify(live) !== JSON.stringify(first?.live))
    .map(
      ({ name, live }) => `${name} holds ${JSON.stringify(live)}, ${first?.name} holds ${JSON.stringify(first?.live)}`,
    );
}
