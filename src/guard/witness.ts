/**
 * Witness sinks: places off the host that remember what a key has signed, so that a store that was
 * restored, copied or rolled back learns of it before it signs.
 *
 * A sink keeps one record for each signer and network, whichever store signs: keyed by store, two
 * copies of one store would never meet. An opener claims the record, which raises its epoch; only
 * the last claim may put. Without the epoch, two copies could put by turns.
 */
import type { SigningHistory } from '../adapter/index.js';
import { hex } from '../base/bytes.js';
import { LanestoreError } from '../errors.js';

/** Whose record it is. */
export interface WitnessKey {
  readonly network: string;
  /** The public key. */
  readonly signer: Uint8Array;
}

/** The right to put: from a claim, until the next one. */
export interface WitnessClaim {
  readonly epoch: bigint;
  /** 32 lowercase hex digits that the claimant drew: no two claims are alike. */
  readonly holder: string;
}

/** What a sink keeps for a key. */
export interface WitnessRecord {
  /** Claims so far; 0: the sink does not know the key. */
  readonly epoch: bigint;
  /** Of the last claim; empty if there is none, or it is not known. */
  readonly holder: string;
  /** The last history that was put, and by which claim. */
  readonly last: { readonly epoch: bigint; readonly history: SigningHistory } | undefined;
}

/**
 * One sink. What it acknowledges survives power loss. Calls for one key may come at once, and from
 * several processes. A call that is given up, by its signal, may still take effect.
 */
export interface WitnessSink {
  /** Names it in stores and messages: 1 to 256 visible ASCII characters, the same for good. */
  readonly name: string;
  /** What it keeps, as it is now. */
  read(key: WitnessKey, signal: AbortSignal): Promise<WitnessRecord>;
  /** Raises the epoch by one; gives the record after that. */
  claim(key: WitnessKey, holder: string, signal: AbortSignal): Promise<WitnessRecord>;
  /**
   * Keeps a history of kind `sink` in place of the one before, if {@link checkPut} lets it.
   * @throws LANESTORE_FENCED, LANESTORE_OUT_OF_SEQUENCE: nothing was changed.
   */
  put(claim: WitnessClaim, history: SigningHistory, signal: AbortSignal): Promise<void>;
  /** Frees connections, if it keeps any. It may be used again: then it opens new ones. */
  close?(): Promise<void>;
}

/** The record of a key that a sink does not know. */
export const NO_RECORD: WitnessRecord = { epoch: 0n, holder: '', last: undefined };

/**
 * Decides on a put; false if the sink holds that batch already, by the same claim: a repeated put
 * changes nothing.
 * @throws LANESTORE_FENCED for a claim that is not the last one; LANESTORE_OUT_OF_SEQUENCE for a
 * batch below the one before; LANESTORE_IO for a claim that the sink never gave, or forgot.
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

/** Another opener has claimed the record. */
export function fencedError(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_FENCED', `another opener has claimed the record of this key: ${what}`);
}
