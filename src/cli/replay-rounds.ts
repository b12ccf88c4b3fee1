/**
 * Replays recorded rounds into a store, several in flight, and skips blocks that the store already
 * has.
 */
import { openNoop } from '../adapter/index.js';
import type { CommitQC, LaneId, Persistence, PruneAnchor, SignedBlock } from '../index.js';
import { autobahn } from '../model/autobahn/index.js';
import type { RecordedRound } from './rounds-file.js';

/** A store of the Autobahn model, of any backend. */
export type AutobahnStore = Persistence<SignedBlock, CommitQC, PruneAnchor>;

/** Options of {@link replay}. */
export interface ReplayOptions {
  /** Number of rounds that are submitted together; the next group waits for all of them. */
  readonly inFlight: number;
  /** Milliseconds to wait before each group; 0 for full speed. */
  readonly paceMs: number;
}

/** Callbacks of {@link replay}. Rounds count from 1, in the order of the recording. */
export interface ReplayObserver {
  submitted?(round: number): void;
  durable?(round: number): void;
  block?(lane: LaneId, number: bigint): void;
  commitQC?(index: bigint): void;
  anchor?(index: bigint): void;
}

/** The result of {@link replay}. */
export interface ReplayResult {
  rounds: number;
  blocks: number;
  /** Blocks that the store already held, or had truncated. */
  blocksSkipped: number;
  commitQCs: number;
  anchors: number;
  /** Milliseconds from submission to durability, one number per block, CommitQC and anchor. */
  readonly durableMs: number[];
}

/**
 * Replays all rounds. Rejects with the first refusal or failure, without waiting for rounds in
 * flight.
 */
export async function replay(
  store: AutobahnStore,
  rounds: AsyncIterable<RecordedRound> | Iterable<RecordedRound>,
  options: ReplayOptions,
  observer: ReplayObserver = {},
): Promise<ReplayResult> {
  const result: ReplayResult = { rounds: 0, blocks: 0, blocksSkipped: 0, commitQCs: 0, anchors: 0, durableMs: [] };
  const held = store.cursors.lanes;
  let group: Promise<void>[] = [];
  for await (const round of rounds) {
    const blocks = round.blocks.filter(
      (block) => autobahn.block.number(block) >= (held.get(autobahn.block.lane(block))?.next ?? 0n),
    );
    result.blocksSkipped += round.blocks.length - blocks.length;
    const number = ++result.rounds;
    const submission = submit(store, { ...round, blocks }, number, observer, result);
    group.push(submission);
    // Promise.all rejects later with the same error. Until then it must not count as unhandled.
    submission.catch(() => undefined);
    if (group.length < options.inFlight) continue;
    await Promise.all(group);
    group = [];
    if (options.paceMs > 0) await new Promise((resolve) => setTimeout(resolve, options.paceMs));
  }
  await Promise.all(group);
  return result;
}

/**
 * Submits rounds to the no-op backend, so that an invalid recording is refused before anything is
 * on disk.
 * @throws the errors of `persist`.
 */
export async function rehearse(rounds: Iterable<RecordedRound>): Promise<void> {
  const store = await openNoop({ model: autobahn });
  try {
    for (const round of rounds) await store.persist(round);
  } finally {
    await store.close();
  }
}

async function submit(
  store: AutobahnStore,
  round: RecordedRound,
  number: number,
  observer: ReplayObserver,
  result: ReplayResult,
): Promise<void> {
  const started = performance.now();
  const durable = () => result.durableMs.push(performance.now() - started);
  const done = store.persist(round, {
    anchor: (anchor) => {
      durable();
      result.anchors++;
      observer.anchor?.(autobahn.anchor.index(anchor));
    },
    commitQC: (qc) => {
      durable();
      result.commitQCs++;
      observer.commitQC?.(autobahn.commitQC.index(qc));
    },
    block: (block) => {
      durable();
      result.blocks++;
      observer.block?.(autobahn.block.lane(block), autobahn.block.number(block));
    },
  });
  observer.submitted?.(number);
  await done;
  observer.durable?.(number);
}

/** The `share` quantile (0 to 1) of `durations`; 0 if it is empty. */
export function quantile(durations: readonly number[], share: number): number {
  const sorted = [...durations].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
