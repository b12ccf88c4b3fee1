/** Replaying recorded rounds into a store, several in flight, skipping what it holds already. */
import {
  autobahn,
  type CommitQC,
  type LaneId,
  openNoop,
  type Persistence,
  type PruneAnchor,
  type SignedBlock,
} from '../index.js';
import type { RecordedRound } from './rounds-file.js';

/** A store of the shipped model, whatever the backend. */
export type AutobahnStore = Persistence<SignedBlock, CommitQC, PruneAnchor>;

/** How to replay. */
export interface ReplayOptions {
  /** Rounds that may be submitted and not yet durable; they are submitted in groups of this many. */
  readonly inFlight: number;
  /** Milliseconds to wait before each group; 0 for full speed. */
  readonly paceMs: number;
}

/** Who is told what happens; rounds count from 1, as lines of the recording. */
export interface ReplayObserver {
  submitted?(round: number): void;
  durable?(round: number): void;
  block?(lane: LaneId, number: bigint): void;
  commitQC?(index: bigint): void;
  anchor?(index: bigint): void;
}

/** What a replay did. */
export interface ReplayResult {
  rounds: number;
  blocks: number;
  /** Blocks that the store held, or had truncated, already. */
  blocksSkipped: number;
  commitQCs: number;
  anchors: number;
  /** Milliseconds from submission to durability, one for each block, CommitQC and anchor. */
  readonly durableMs: number[];
}

/** Replays all rounds. Rejects with the first refusal or failure; rounds in flight then settle by themselves. */
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
    // Whoever awaits the group sees the rejection; until then it must not count as unhandled.
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
 * Has rounds accepted by a store that keeps nothing, so that those which are refused leave nothing on the disk.
 * @throws as `persist`.
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

/** The `share` quantile (0 to 1) of some durations; 0 if there are none. */
export function quantile(durations: readonly number[], share: number): number {
  const sorted = [...durations].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
