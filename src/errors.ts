/**
 * The one error class of lanestore and the one table of its codes (docs/design.md, Errors).
 *
 * Codes are part of the public contract and never change; messages may. A `TypeError` is thrown for
 * programming mistakes (an argument of the wrong type) and for nothing else.
 */

/** Every code with its cause, and what the operator or the caller does about it. */
export const ERROR_CODES = {
  LANESTORE_OUT_OF_SEQUENCE: {
    cause: 'a block or CommitQC is not the next one of its lane or of the QC log; the whole round was refused',
    remedy: 'send the entry that the message names as the next one; nothing of the round was stored',
  },
  LANESTORE_WRONG_LANE: {
    cause: 'a block of another lane was handed to maybePruneAndPersistLane, or the committee has no such lane',
    remedy:
      'call it once for each lane, with blocks of that lane only, or ask for a lane of the committee; nothing was stored',
  },
  LANESTORE_INVALID: {
    cause: 'the input is malformed, disagrees with itself or is larger than the store accepts',
    remedy: 'fix the field that the message names; nothing was stored',
  },
  LANESTORE_VERIFY: {
    cause: 'a hash, a parent hash, a quorum or a signature does not hold',
    remedy: 'do not trust the entry; find out which peer sent it',
  },
  LANESTORE_CONFLICT: {
    cause:
      'a vote contradicts what its key signed, or may have signed; nothing of the round was stored, nothing was released',
    remedy:
      'do not sign: on `floor`, `passed` and `excluded` the node abstains; `differs` is an alarm: the node was about to sign twice',
  },
  LANESTORE_QUARANTINED: {
    cause: 'it is not known what the key of this store signed last, so this part of its votes is closed',
    remedy:
      'blocks, CommitQCs and anchors are still stored; open the part only when it is certain that no other copy signs, see docs/signing-safety.md',
  },
  LANESTORE_FENCED: {
    cause: 'another opener has claimed the sinks that witness this key, so this one may sign nothing any more',
    remedy:
      'find the other process, host or copy of the store, and stop all but one: see docs/signing-safety.md, Witness sinks',
  },
  LANESTORE_CAPACITY: {
    cause: 'there is no room for the round now',
    remedy: 'nothing was stored; wait for ready() and submit it again',
  },
  LANESTORE_FAILED: {
    cause: 'a write was rejected, so the store accepts nothing more; the first cause is in `cause`',
    remedy: 'close the store, fix what the cause names (disk space, the disk itself) and open it again',
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
    cause: 'the operating system refused an open or a read, or an outside signer did not sign',
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

/**
 * Every kind of finding: the code that it leads to, and its meaning. If a store has findings of
 * both codes, the code is LANESTORE_CORRUPT: neither a newer copy nor the acceptance of an older
 * state repairs damage. Kinds are added, never renamed.
 */
export const FINDING_KINDS = {
  'current-missing': { code: 'LANESTORE_CORRUPT', means: "LevelDB's CURRENT is not there" },
  'current-damaged': { code: 'LANESTORE_CORRUPT', means: 'CURRENT does not name a MANIFEST' },
  'manifest-missing': { code: 'LANESTORE_CORRUPT', means: 'the MANIFEST that CURRENT names is not there' },
  'manifest-damaged': {
    code: 'LANESTORE_CORRUPT',
    means: 'a record of the MANIFEST is not whole, in a way that no crash causes',
  },
  'manifest-edit': { code: 'LANESTORE_CORRUPT', means: 'the edits of the MANIFEST do not lead to a version' },
  'table-missing': { code: 'LANESTORE_CORRUPT', means: 'a table that the MANIFEST names is not there' },
  'table-size': { code: 'LANESTORE_CORRUPT', means: 'a table has another size than the MANIFEST says' },
  'table-damaged': {
    code: 'LANESTORE_CORRUPT',
    means: 'a checksum of a table does not hold, or its parts are not where they must be',
  },
  'log-missing': { code: 'LANESTORE_CORRUPT', means: 'a log that the MANIFEST names is not there' },
  'log-incomplete': { code: 'LANESTORE_CORRUPT', means: 'an older live log is not whole' },
  'log-damaged': {
    code: 'LANESTORE_CORRUPT',
    means: 'the newest log is damaged before its last batch: acknowledged batches follow the damage',
  },
  'log-batch': { code: 'LANESTORE_CORRUPT', means: 'a record of a log is no batch of this store' },
  'log-sequence': {
    code: 'LANESTORE_CORRUPT',
    means: 'a batch does not follow the one before it: batches between them are gone',
  },
  'log-torn': {
    code: 'LANESTORE_ROLLED_BACK',
    means: 'the newest log ends in a batch that is not whole, and it had been acknowledged',
  },
  'witness-ahead': { code: 'LANESTORE_ROLLED_BACK', means: 'the witness names a batch that is not there' },
  'witness-store': { code: 'LANESTORE_ROLLED_BACK', means: 'the witness is of another store' },
  'witness-damaged': {
    code: 'LANESTORE_CORRUPT',
    means: 'the witness is missing or short although rounds were written',
  },
  'level-missing': { code: 'LANESTORE_ROLLED_BACK', means: 'the database is gone, other files of the store are there' },
  'file-type': {
    code: 'LANESTORE_CORRUPT',
    means: 'a symbolic link, FIFO, socket or device stands where a regular file or a directory must be',
  },
  leveldb: { code: 'LANESTORE_CORRUPT', means: 'LevelDB itself reports damage' },
  'leveldb-abort': { code: 'LANESTORE_CORRUPT', means: 'LevelDB ended a process that read the database' },
  postgres: { code: 'LANESTORE_CORRUPT', means: 'PostgreSQL itself reports damage' },
  'schema-missing': { code: 'LANESTORE_CORRUPT', means: 'meta/schema is not there' },
  'schema-body': { code: 'LANESTORE_CORRUPT', means: 'meta/schema is whole, but its content is invalid' },
  'tip-missing': { code: 'LANESTORE_CORRUPT', means: 'meta/tip is not there' },
  'tip-body': { code: 'LANESTORE_CORRUPT', means: 'meta/tip is whole, but its content is invalid' },
  'tip-store': { code: 'LANESTORE_CORRUPT', means: 'meta/tip is of another store than meta/schema' },
  'tip-crc': {
    code: 'LANESTORE_CORRUPT',
    means: 'anchor or inner are whole, but not those that the tip names',
  },
  missing: { code: 'LANESTORE_CORRUPT', means: 'a record that the tip names is not there' },
  stray: {
    code: 'LANESTORE_CORRUPT',
    means: 'a record is there that the tip does not name, or a key that no store writes',
  },
  'record-shape': { code: 'LANESTORE_CORRUPT', means: 'a value is no record' },
  'record-version': { code: 'LANESTORE_CORRUPT', means: 'a record has a version that is not known' },
  'record-crc': {
    code: 'LANESTORE_CORRUPT',
    means: 'the checksum of a record does not hold, or it stands under another key',
  },
  'record-cbor': { code: 'LANESTORE_CORRUPT', means: 'the body of a record is not one CBOR item' },
  'record-body': { code: 'LANESTORE_CORRUPT', means: 'the body of a record is not what the model writes' },
  'record-key': { code: 'LANESTORE_CORRUPT', means: 'the body of a record does not belong under its key' },
  'value-missing': { code: 'LANESTORE_CORRUPT', means: 'the value file that a record refers to is not there' },
  'value-short': { code: 'LANESTORE_CORRUPT', means: 'a value file ends before a record in it does' },
  'value-other': {
    code: 'LANESTORE_CORRUPT',
    means: 'the bytes in a value file are not the record that is referred to',
  },
  'anchor-range': {
    code: 'LANESTORE_CORRUPT',
    means: 'entries below the stored anchor are there, or its CommitQC is not',
  },
  'entry-verify': {
    code: 'LANESTORE_VERIFY',
    means: 'a hash, a parent hash, a quorum or a signature of a stored entry does not hold',
  },
  'segment-names': { code: 'LANESTORE_CORRUPT', means: 'WAL: the names of the segments do not fit together' },
  'name-twice': { code: 'LANESTORE_CORRUPT', means: 'two names stand for the same entry, or the same lane' },
  'segment-head': { code: 'LANESTORE_CORRUPT', means: 'a file of a newer state does not begin as such a file does' },
  'segment-version': { code: 'LANESTORE_CORRUPT', means: 'a file of a newer state has a version that is not read' },
  'segment-gap': { code: 'LANESTORE_CORRUPT', means: 'WAL: a segment is not there' },
  'segment-overlap': { code: 'LANESTORE_CORRUPT', means: 'WAL: two segments hold the same entries' },
  'segment-changed': { code: 'LANESTORE_CORRUPT', means: 'WAL: a segment is not as it was when it was read' },
  'number-gap': { code: 'LANESTORE_CORRUPT', means: 'WAL: numbers are missing between two entries' },
  'entries-missing': { code: 'LANESTORE_CORRUPT', means: 'WAL: a log holds fewer entries than it must' },
  'entry-cut': { code: 'LANESTORE_CORRUPT', means: 'WAL: an entry is cut off, and not at the end of a log' },
  'entry-crc': { code: 'LANESTORE_CORRUPT', means: 'the checksum of a record of a newer state does not hold' },
  'entries-lost': {
    code: 'LANESTORE_CORRUPT',
    means: 'whole records follow damage in a file that a node would cut off there',
  },
  'entry-wild': { code: 'LANESTORE_CORRUPT', means: 'WAL: bytes that are not the beginning of an entry' },
  'entry-empty': { code: 'LANESTORE_CORRUPT', means: 'WAL: an entry without bytes' },
  'entry-undecodable': { code: 'LANESTORE_CORRUPT', means: 'WAL: an entry that cannot be read' },
  'ab-unusable': { code: 'LANESTORE_CORRUPT', means: 'WAL: no whole copy of an A/B file is left' },
  'ab-same-seq': {
    code: 'LANESTORE_CORRUPT',
    means: 'WAL: both copies of an A/B file have the same number and differ',
  },
  'ab-undecodable': { code: 'LANESTORE_CORRUPT', means: 'WAL: the data of an A/B file cannot be read' },
  'node-anchor': {
    code: 'LANESTORE_CORRUPT',
    means: 'the stored anchor is incomplete, or does not hold for this committee',
  },
  'node-qc-gap': { code: 'LANESTORE_CORRUPT', means: 'CommitQCs above the anchor are missing' },
  'node-qc-verify': { code: 'LANESTORE_CORRUPT', means: 'a stored CommitQC does not hold for this committee' },
  'node-lane-start': {
    code: 'LANESTORE_CORRUPT',
    means: 'a lane does not begin at the number that anchor or baseline give',
  },
  'node-lane-capacity': { code: 'LANESTORE_CORRUPT', means: 'a lane holds more blocks than a node ever admits' },
  'node-block-gap': { code: 'LANESTORE_CORRUPT', means: 'blocks of a lane are missing' },
  'node-block-parent': { code: 'LANESTORE_CORRUPT', means: 'the parent of a stored block is not the block before it' },
  'node-block-verify': { code: 'LANESTORE_CORRUPT', means: 'a stored block does not hold for this committee' },
  floor: {
    code: 'LANESTORE_CONFLICT',
    means: 'a vote at or below the floor of its log: its key may have signed there',
  },
  differs: { code: 'LANESTORE_CONFLICT', means: 'a vote in a place in which its key signed something else' },
  passed: { code: 'LANESTORE_CONFLICT', means: 'a vote below the last one of its log' },
  excluded: { code: 'LANESTORE_CONFLICT', means: 'a vote that one of another log rules out' },
  'layout-half': { code: 'LANESTORE_IMPORT', means: 'a source lacks a part of its layout' },
  'layout-mixed': { code: 'LANESTORE_IMPORT', means: 'a source holds parts of more than one layout' },
  'log-lost': { code: 'LANESTORE_IMPORT', means: 'a log of a source is empty, and its last entries were not pruned' },
  'entry-name': { code: 'LANESTORE_IMPORT', means: 'a file of a source holds another entry than its name says' },
  'entry-invalid': { code: 'LANESTORE_IMPORT', means: 'an entry of a source is not what a store accepts' },
  gap: { code: 'LANESTORE_IMPORT', means: 'entries of a source are missing between two others, or at the beginning' },
  damaged: { code: 'LANESTORE_IMPORT', means: 'a source cannot be read to its end' },
  verify: { code: 'LANESTORE_IMPORT', means: 'a hash or a signature of an entry of a source does not hold' },
} as const satisfies Record<string, { code: LanestoreErrorCode; means: string }>;

/** A kind of the table {@link FINDING_KINDS}. */
export type FindingKind = keyof typeof FINDING_KINDS;

/** One problem that a check found in a store, in a form for programs. */
export interface Finding {
  /** The kind of problem: a key of {@link FINDING_KINDS}. */
  readonly kind: FindingKind;
  /** The LevelDB key concerned. */
  readonly key?: string;
  /** The lane concerned, lowercase hex. */
  readonly lane?: string;
  /** The block number, or the road index when `lane` is absent. */
  readonly number?: bigint;
  /** The file concerned, relative to the location. */
  readonly file?: string;
  /** The byte offset in `file`. */
  readonly offset?: number;
  /** The log of votes concerned. */
  readonly log?: string;
  /** The problem in words. */
  readonly detail: string;
}

/** The fields of an error besides its message. */
export interface LanestoreErrorOptions {
  readonly cause?: unknown;
  readonly findings?: readonly Finding[];
  /** What to do in this situation, where the code's own remedy is too general. */
  readonly remedy?: string;
}

/** The only error class that lanestore throws on purpose; `code` says what happened. */
export class LanestoreError extends Error {
  override readonly name = 'LanestoreError';
  /** What happened: a key of {@link ERROR_CODES}. */
  readonly code: LanestoreErrorCode;
  /**
   * All findings of the checks, for LANESTORE_CORRUPT and LANESTORE_ROLLED_BACK; the single finding
   * of LANESTORE_CONFLICT; else absent.
   */
  readonly findings?: readonly Finding[];
  /**
   * What the operator or the caller does about the error: a remedy for this situation, else
   * `ERROR_CODES[code].remedy`.
   */
  readonly remedy: string;

  constructor(code: LanestoreErrorCode, message: string, options: LanestoreErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.remedy = options.remedy ?? ERROR_CODES[code].remedy;
    if (options.findings !== undefined) this.findings = options.findings;
  }
}

/**
 * True when `error` is a {@link LanestoreError}, with that code if one is given.
 * @example
 * ```ts
 * import { autobahn, isLanestoreError, openLevel } from 'lanestore';
 *
 * try {
 *   await openLevel('nowhere', { model: autobahn, createIfMissing: false });
 * } catch (error) {
 *   if (!isLanestoreError(error, 'LANESTORE_NOT_A_STORE')) throw error;
 *   console.error(error.message, error.findings);
 * }
 * ```
 */
export function isLanestoreError(error: unknown, code?: LanestoreErrorCode): error is LanestoreError {
  return error instanceof LanestoreError && (code === undefined || error.code === code);
}
