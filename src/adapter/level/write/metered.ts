/** Metrics of a LevelDB store's batches. No cost without subscribers. */
import { isMetered, meter } from '../../../metrics/channel.js';
import type { FilledBatch } from '../engine.js';
import type { Operation } from '../format/operation.js';

/** The values of a store that are published with its batches. */
export interface MeteredStore {
  readonly valueUsage: { readonly liveBytes: number; readonly fileBytes: number };
  /** Undefined for a store without a location. */
  readonly freeBytes: number | undefined;
}

/**
 * Writes a batch of the store with the label `name`, and publishes its duration and the bytes that
 * it put. Without subscribers it costs nothing, not even a turn of the microtask queue.
 */
export function meterBatch(
  operations: readonly Operation[],
  name: string,
  store: MeteredStore,
  filled: FilledBatch,
): Promise<void> {
  return isMetered() ? metered(operations, name, store, filled) : filled.write();
}

async function metered(
  operations: readonly Operation[],
  name: string,
  store: MeteredStore,
  filled: FilledBatch,
): Promise<void> {
  const startedAt = performance.now();
  await filled.write();
  meter(name, 'lanestore_batch_seconds', (performance.now() - startedAt) / 1000);
  let bytes = 0;
  for (const operation of operations) if (operation.type === 'put') bytes += operation.value.length;
  meter(name, 'lanestore_batch_bytes', bytes);
  const { liveBytes, fileBytes } = store.valueUsage;
  meter(name, 'lanestore_value_file_bytes', fileBytes);
  if (fileBytes > 0) meter(name, 'lanestore_value_live_ratio', liveBytes / fileBytes);
  if (store.freeBytes !== undefined) meter(name, 'lanestore_free_disk_bytes', store.freeBytes);
}
