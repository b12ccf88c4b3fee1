/**
 * The batches that the LevelDB store writes for a sequence of rounds: the same puts and deletes,
 * the tip first. The store's own planner and batch builder make them, outside of the timed parts,
 * so `raw` writes the same bytes as `level`.
 */
import { ownRound } from '../src/adapter/arguments.js';
import { advance, emptyState, type PlanState } from '../src/adapter/index.js';
import type { Operation } from '../src/adapter/level/format/operation.js';
import type { LevelEntries } from '../src/adapter/level/format/step.js';
import { firstTip, type Tip } from '../src/adapter/level/format/tip.js';
import { NO_STORED_VOTES } from '../src/adapter/level/format/votes.js';
import { BatchBuilder } from '../src/adapter/level/write/batch.js';
import { PutEncoder } from '../src/adapter/level/write/encode.js';
import { planRound } from '../src/adapter/round-plan.js';
import { releaseMemory } from '../src/cbor/arenas.js';
import { autobahn, type CommitQC, type PruneAnchor, type SignedBlock } from '../src/model/autobahn/index.js';
import type { BenchRound } from './rounds.js';

/** Turns rounds into batches, one batch per round. */
export class BatchSource {
  readonly #state: PlanState = emptyState();
  readonly #encoder = new PutEncoder(autobahn);
  #tip: Tip = firstTip(new Uint8Array(16).fill(7), 0);

  next({ lanes: _, ...round }: BenchRound): Operation[] {
    const plan = planRound<SignedBlock, CommitQC, PruneAnchor, LevelEntries>(
      autobahn,
      this.#state,
      ownRound(round),
      this.#encoder,
    );
    advance(this.#state, plan);
    const builder = new BatchBuilder(this.#tip, NO_STORED_VOTES);
    builder.round(plan);
    const { tip, operations } = builder.finish();
    this.#tip = tip;
    return operations.map(moved);
  }
}

/**
 * Copies the value and releases its arena, because arenas are shared by all stores of the process.
 */
function moved(operation: Operation): Operation {
  const { key } = operation;
  if (operation.type === 'del') return { type: 'del', key };
  const value = new Uint8Array(operation.value);
  releaseMemory(operation.value);
  return { type: 'put', key, value };
}

/** Bytes of all keys and values. */
export function operationBytes(operations: readonly Operation[]): number {
  let bytes = 0;
  for (const operation of operations) {
    bytes += operation.key.length + (operation.type === 'put' ? operation.value.length : 0);
  }
  return bytes;
}

/** All keys and values, concatenated. */
export function flatten(operations: readonly Operation[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(operationBytes(operations));
  let at = 0;
  for (const operation of operations) {
    at += bytes.write(operation.key, at, 'latin1');
    if (operation.type === 'del') continue;
    bytes.set(operation.value, at);
    at += operation.value.length;
  }
  return bytes;
}
