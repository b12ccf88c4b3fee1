/**
 * The one error class of lanestore and the one table of its codes (design.md section 8).
 *
 * Codes are part of the public contract and never change; messages may. A `TypeError` is thrown for programming
 * mistakes (an argument of the wrong type) and for nothing else.
 */

/** Every code with what causes it and what the operator, or the caller, does about it. */
export const ERROR_CODES = {
  LANESTORE_OUT_OF_SEQUENCE: {
    cause: 'a block or CommitQC is not the next one of its lane or of the QC log; the whole round was refused',
    remedy: 'send the entry that the message names as the next one; nothing of the round was stored',
  },
  LANESTORE_WRONG_LANE: {
    cause: 'a block of another lane was handed to maybePruneAndPersistLane',
    remedy: 'call it once for each lane, with blocks of that lane only; nothing was stored',
  },
  LANESTORE_INVALID: {
    cause: 'the input is malformed, disagrees with itself or is larger than the store accepts',
    remedy: 'mend the field that the message names; nothing was stored',
  },
  LANESTORE_VERIFY: {
    cause: 'a hash, a parent hash, a quorum or a signature does not hold',
    remedy: 'do not trust the entry; find out who made it',
  },
  LANESTORE_CAPACITY: {
    cause: 'there is no room for the round now',
    remedy: 'nothing was stored; wait for ready() and submit it again',
  },
  LANESTORE_FAILED: {
    cause: 'a write was rejected, so the store accepts nothing more; the first cause is in `cause`',
    remedy: 'close the store, mend what the cause names (disk space, the disk itself) and open it again',
  },
  LANESTORE_CLOSED: {
    cause: 'the store was closed, or is closing',
    remedy: 'open it again; what was accepted before close() is durable',
  },
  LANESTORE_LOCKED: {
    cause: 'another opener holds the store, in this process or in another one',
    remedy: 'stop the other node, or close the other store; never delete a LOCK file',
  },
  LANESTORE_NOT_A_STORE: {
    cause: 'the location holds something else, or nothing although a store was expected',
    remedy: 'check the path; choose an empty or absent directory for a new store',
  },
  LANESTORE_SCHEMA: {
    cause: 'the store has another format or another model than the one it was opened with',
    remedy: 'open it with the version and the model that the message names, or migrate it',
  },
  LANESTORE_IO: {
    cause: 'the operating system refused an open or a read',
    remedy: 'see `cause`: permissions, a read-only or full disk, a failing device; then open again',
  },
  LANESTORE_CORRUPT: {
    cause: 'what is on disk is not what was acknowledged; every finding is in `findings`',
    remedy: 'keep the directory as it is, do not vote from it, and restore the node from its peers',
  },
  LANESTORE_ROLLED_BACK: {
    cause: 'the store is older than what it acknowledged: data is gone, or another copy was put in its place',
    remedy: 'do not vote from it; bring back the newest copy, or restore the node from its peers',
  },
  LANESTORE_IMPORT: {
    cause: 'a source could not be imported or exported as a whole; the target does not exist',
    remedy: 'see the place that the message names; source and target are unchanged',
  },
} as const satisfies Record<string, { cause: string; remedy: string }>;

/** A code of the table {@link ERROR_CODES}. */
export type LanestoreErrorCode = keyof typeof ERROR_CODES;

/** One thing that a check found wrong in a store, in a form for programs. */
export interface Finding {
  /** What is wrong, in kebab case, e.g. `record-crc`; kinds are added, never renamed. */
  readonly kind: string;
  /** The LevelDB key that it concerns. */
  readonly key?: string;
  /** The lane that it concerns, lowercase hex. */
  readonly lane?: string;
  /** The block number, or the road index when `lane` is absent. */
  readonly number?: bigint;
  /** The file that it concerns, relative to the location. */
  readonly file?: string;
  /** The byte offset in `file`. */
  readonly offset?: number;
  /** The same for people. */
  readonly detail: string;
}

/** What an error may carry beside its message. */
export interface LanestoreErrorOptions {
  readonly cause?: unknown;
  readonly findings?: readonly Finding[];
}

/** The only error class that lanestore throws on purpose; `code` says what happened. */
export class LanestoreError extends Error {
  override readonly name = 'LanestoreError';
  /** What happened: a key of {@link ERROR_CODES}. */
  readonly code: LanestoreErrorCode;
  /** All that the checks found, for LANESTORE_CORRUPT and LANESTORE_ROLLED_BACK; else absent. */
  readonly findings?: readonly Finding[];

  constructor(code: LanestoreErrorCode, message: string, options: LanestoreErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    if (options.findings !== undefined) this.findings = options.findings;
  }
}

/** True when `error` is a {@link LanestoreError}, with that code if one is given. */
export function isLanestoreError(error: unknown, code?: LanestoreErrorCode): error is LanestoreError {
  return error instanceof LanestoreError && (code === undefined || error.code === code);
}
