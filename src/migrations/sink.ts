/** The target of an import or export, as the writer of its items sees it. */
import type { Item } from './start-rules.js';

/** A target that is being written. */
export interface Sink<B, Q, A> {
  /**
   * Takes the next item. It may stay in memory, unwritten, until {@link finish}.
   * @throws LANESTORE_IMPORT, and the errors of the target's backend.
   */
  put(item: Item<B, Q, A>): Promise<void>;
  /** Writes and syncs the rest, and closes everything. */
  finish(): Promise<void>;
  /** Closes everything, without writing the rest: the caller removes the target. Never throws. */
  abandon(): Promise<void>;
}
