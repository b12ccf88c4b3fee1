/**
 * Witness sinks: places outside the host that record what a key has signed. They stop a store that
 * was restored, copied or rolled back before it signs.
 *
 * A sink keeps one record for each signer and network, not for each store: a copy with another
 * store id must find the record of the original. An opener claims the record, which raises its
 * epoch; only the last claim may put. Without the epoch, two copies could put in turns.
 */
import type { SigningHistory } from '../adapter/index.js';
import { hex } from '../base/bytes.js';
import { LanestoreError } from '../errors.js';

/** The key of a record. */
export interface WitnessKey {
  readonly network: string;
  /** The public key. */
  readonly signer: Uint8Array;
}

/** The right to put. It lasts until the next claim. */
export interface WitnessClaim {
  readonly epoch: bigint;
  /** 32 lowercase hex digits, drawn at random for each claim. */
  readonly holder: string;
}

/** What a sink keeps for a key. */
export interface WitnessRecord {
  /** Number of claims so far; 0 if the sink does not know the key. */
  readonly epoch: bigint;
  /** The holder of the last claim; empty if there is no claim, or if the holder is not known. */
  readonly holder: string;
  /** The last history that was put, and the epoch of the claim that put it. */
  readonly last: { readonly epoch: bigint; readonly history: SigningHistory } | undefined;
}

/**
 * One sink. What it acknowledges survives power loss. Calls for one key may be concurrent, and from
 * several processes. A call that its signal has aborted may still take effect.
 */
export interface WitnessSink {
  /**
   * Its name in stores and messages: 1 to 256 visible ASCII characters. The name must never change.
   */
  readonly name: string;
  /** The record as it is now. */
  read(key: WitnessKey, signal: AbortSignal): Promise<WitnessRecord>;
  /** Raises the epoch by one; resolves with the changed record. */
  claim(key: WitnessKey, holder: string, signal: AbortSignal): Promise<WitnessRecord>;
  /**
   * Replaces the history, of kind `sink`, if {@link checkPut} allows it.
   * @throws LANESTORE_FENCED, LANESTORE_OUT_OF_SEQUENCE: nothing was changed.
   */
  put(claim: WitnessClaim, history: SigningHistory, signal: AbortSignal): Promise<void>;
  /** Closes connections, if the sink keeps any. Later calls open new ones. */
  close?(): Promise<void>;
}

/** The record of a key that a sink does not know. */
export const NO_RECORD: WitnessRecord = { epoch: 0n, holder: '', last: undefined };

/**
 * Decides on a put. False if the same claim has already put that batch: a repeated put changes
 * nothing.
 * @throws LANESTORE_FENCED for a claim that is not the last one; LANESTORE_OUT_OF_SEQUENCE for a
 * batch that does not follow the last one; LANESTORE_IO for a claim that the sink never gave, or
 * has lost.
 */
export function checkPut(
  { epoch, holder, last }: WitnessRecord,
  claim: WitnessClaim,
  history: SigningHistory,
): boolean {
  if (epoch < claim.epoch) {
    throw new LanestoreError(
      'LANESTORE_IO',
      `the sink knows ${epoch} claims of the key, not ${claim.epoch}: it forgot`,
    );
  }
  if (epoch > claim.epoch || holder !== claim.holder) throw fencedError(`claim ${epoch} follows claim ${claim.epoch}`);
  if (last === undefined) return true;
  const isSameStore = Buffer.compare(last.history.store, history.store) === 0;
  const isSameClaim = last.epoch === epoch;
  if (isSameClaim && isSameStore && last.history.seq === history.seq) return false;
  const isLower = isSameStore ? history.seq < last.history.seq : isSameClaim;
  if (!isLower) return true;
  const held = `batch ${last.history.seq} of store ${hex(last.history.store)}`;
  throw new LanestoreError(
    'LANESTORE_OUT_OF_SEQUENCE',
    `batch ${history.seq} does not follow ${held}, which the sink holds`,
    {
      remedy: 'nothing was changed: another copy of the store is ahead, see docs/signing-safety.md',
    },
  );
}

/** LANESTORE_FENCED: another opener has claimed the record. */
export function fencedError(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_FENCED', `another opener has claimed the record of this key: ${what}`);
}
