/** The logs of a store, one for each lane and the QC log: their names, keys and extents. */
import { blockKeys, commitQCKeys, type EntryKeys } from '../../../keys/entry-keys.js';
import { blockRange, commitQCRange, type KeyRange, type LogName, QC_LOG } from '../../../keys/index.js';
import type { Extent, Tip } from './tip.js';

export { type LogName, QC_LOG } from '../../../keys/index.js';

/** The keys of a log's entries. */
export function logKeys(log: LogName): EntryKeys {
  return log === QC_LOG ? commitQCKeys : blockKeys(log);
}

/** The key of an entry of a log. */
export function logKey(log: LogName, number: bigint): string {
  return logKeys(log).text(number);
}

/** The keys of the entries [from, to) of a log. */
export function logRange(log: LogName, from: bigint, to: bigint): KeyRange {
  return log === QC_LOG ? commitQCRange(from, to) : blockRange(log, from, to);
}

/** The extent of a log in `tip`; undefined if the log never held an entry. */
export function extentOf(tip: Tip, log: LogName): Extent | undefined {
  return log === QC_LOG ? tip.qc : tip.lanes.get(log);
}
