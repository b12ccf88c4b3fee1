/** Metrics of the rounds of every backend. No cost without subscribers. */
import { isMetered, meter, meterEntries } from '../metrics/channel.js';
import type { Encoded, Plan } from './round-plan.js';

/** Measures the rounds of one store. */
export class RoundMeter {
  readonly #store: string;
  #unsettled = 0;

  /** `store`: the label in metrics. */
  constructor(store: string) {
    this.#store = store;
  }

  /**
   * Records the start of a call. Returns its start time in milliseconds, or undefined without
   * subscribers.
   */
  begin(): number | undefined {
    return isMetered() ? performance.now() : undefined;
  }

  /** Records that the call was refused. */
  refused(startedAt: number | undefined): void {
    if (startedAt !== undefined) meter(this.#store, 'lanestore_refused_rounds_total', 1);
  }

  /** Records that the call was planned, encoded and accepted. */
  accepted(startedAt: number | undefined): void {
    this.#unsettled++;
    if (startedAt === undefined) return;
    meter(this.#store, 'lanestore_encode_seconds', secondsSince(startedAt));
    meter(this.#store, 'lanestore_queue_rounds', this.#unsettled);
  }

  /** Records that the call has settled; `plan` is given if it is durable. */
  settled(startedAt: number | undefined, plan?: Plan<unknown, unknown, unknown, Encoded>): void {
    this.#unsettled--;
    if (startedAt === undefined) return;
    meter(this.#store, 'lanestore_queue_rounds', this.#unsettled);
    if (plan === undefined) return;
    meter(this.#store, 'lanestore_rounds_total', 1);
    meterPlan(this.#store, plan, secondsSince(startedAt));
  }
}

function meterPlan(
  store: string,
  { anchor, commitQCs, lanes }: Plan<unknown, unknown, unknown, Encoded>,
  seconds: number,
): void {
  const logs = [...(commitQCs === undefined ? [] : [commitQCs]), ...lanes.values()];
  let stale = 0n;
  let blocks = 0;
  for (const { truncate } of logs) stale += truncate.next - truncate.first;
  for (const { append } of lanes.values()) blocks += append.length;
  if (stale > 0n) meter(store, 'lanestore_truncated_entries_total', Number(stale));
  const counts = [
    ['anchor', anchor === undefined ? 0 : 1],
    ['commit_qc', commitQCs?.append.length ?? 0],
    ['block', blocks],
  ] as const;
  for (const [kind, count] of counts) {
    if (count === 0) continue;
    meterEntries(store, 'lanestore_persisted_entries_total', kind, count);
    meterEntries(store, 'lanestore_durable_seconds', kind, seconds);
  }
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
