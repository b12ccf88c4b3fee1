/** Where the items of a migration go. */
import type { Item } from './start-rules.js';

/** A target that is being written. */
export interface Sink<B, Q, A> {
  /** Takes the next item. What it holds may be in memory, on its way, until {@link finish}. @throws LANESTORE_IMPORT and others. */
  put(item: Item<B, Q, A>): Promise<void>;
  /** Writes and syncs the rest, and closes everything. */
  finish(): Promise<void>;
  /** Closes everything; what was written is going to be removed. Never throws. */
  abandon(): Promise<void>;
}
