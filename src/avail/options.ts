/** The options of `openAvail`, checked. */
import { ROUND_ENTRIES } from '../adapter/backpressure.js';
import {
  boolean,
  byteArray,
  byteCount,
  type Check,
  count,
  fields,
  oneOf,
  required,
  withMethods,
} from '../base/options.js';
import { LanestoreError } from '../errors.js';
import type { Guard } from '../guard/index.js';
import { checkCommittee } from '../model/autobahn/11419398f/committee.js';
import type { Committee, Msg, SignedBlock, SignedMsg } from '../model/autobahn/index.js';
import { checkEpoch, type Epoch } from './epochs.js';
import type { LoopLimits, NodeStore } from './persist-loop.js';

/** Options of `openAvail`. */
export interface AvailOptions {
  /**
   * The store, just opened. Only the state may write to it. The caller closes it, after the state.
   */
  readonly store: NodeStore;
  /**
   * The committee; or, during a change of committees, the epochs to which the stored roads belong,
   * oldest first.
   */
  readonly committee: Committee | readonly Epoch[];
  /**
   * The guard of the same store, which signs the node's blocks; without `guard` and `secret` the
   * node produces no blocks. The caller closes it after the state, and before the store.
   */
  readonly guard?: BlockGuard;
  /**
   * The node's own secret key, 32 bytes, for nodes without a guard. A restored copy of such a node
   * signs again. Refused on a store with a bound key, with a guard, or whose own blocks are closed.
   * While the state is open, no guard opens on the store.
   */
  readonly secret?: Uint8Array;
  /**
   * When the node's own blocks may be sent to peers: once they are durable (default), or as soon as
   * they exist, as in the original. A node equivocates if it sends a block, loses it in a crash and
   * produces another one in its place. A guard releases a block only once it is durable.
   */
  readonly announce?: 'durable' | 'received';
  /**
   * True (default): check every stored signature. False: trust the verification from before the
   * entries were stored.
   */
  readonly verifyLoaded?: boolean;
  /**
   * Maximum number of bytes that one turn of the persist loop hands to the store, and maximum size
   * of an admitted block. At most the store's own limit. Default 8 MiB.
   */
  readonly maxRoundBytes?: number;
  /**
   * Maximum number of blocks and CommitQCs that one turn hands to the store. At most the store's
   * own limit. Default 8192, like the store's.
   */
  readonly maxRoundEntries?: number;
  /**
   * Maximum number of rounds in flight; with 1 the loop waits for each round, as the original does.
   * Default: only the bound of two rounds per log.
   */
  readonly maxRounds?: number;
}

/** The part of a guard that concerns the own lane. */
export type BlockGuard = Pick<Guard<Msg, SignedBlock, SignedMsg>, 'signer' | 'ownBlock' | 'witnessed'>;

const checkCommitteeOrEpochs: Check<Committee | readonly Epoch[]> = (value, name) => {
  if (!Array.isArray(value)) return checkCommittee(value, name);
  for (const [i, epoch] of value.entries()) checkEpoch(epoch, `${name}[${i}]`);
  return value;
};

/** The options of `openAvail`. */
export const checkAvailOptions = fields<AvailOptions>({
  store: required(withMethods('a store', 'persist', 'dropLanes', 'takeRecovered', 'ready')),
  committee: required(checkCommitteeOrEpochs),
  guard: withMethods<BlockGuard>('a guard', 'ownBlock', 'witnessed'),
  secret: byteArray,
  announce: oneOf('durable', 'received'),
  verifyLoaded: boolean,
  maxRoundBytes: byteCount,
  maxRoundEntries: count,
  maxRounds: count,
});

const ROUND_BYTES = 8 * 1024 * 1024;
const ROUNDS_PER_LOG = 2;

/** The limits from the options. */
export function loopLimits({ maxRoundBytes, maxRoundEntries, maxRounds }: AvailOptions): LoopLimits {
  return {
    bytesMax: maxRoundBytes ?? ROUND_BYTES,
    entriesMax: maxRoundEntries ?? ROUND_ENTRIES,
    roundsPerLogMax: ROUNDS_PER_LOG,
    roundsMax: maxRounds ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * Checks the options `guard`, `secret` and `announce` against each other and against the store.
 * @throws LANESTORE_INVALID for a secret together with a guard, or on a store with a bound key;
 * LANESTORE_QUARANTINED for a secret on a store whose own blocks are closed.
 */
export function checkSigning({ store, guard, secret, announce }: AvailOptions): void {
  const invalid = (what: string, remedy: string) =>
    new LanestoreError('LANESTORE_INVALID', `openAvail: ${what}`, { remedy });
  if (secret !== undefined && (guard !== undefined || store.votes?.planned.signer !== undefined)) {
    throw invalid('options.secret on a store with a guard', 'give options.guard only: a key that two hold signs twice');
  }
  if (secret !== undefined) checkOwnOpen(store);
  if (guard !== undefined && announce === 'received') {
    throw invalid(
      "options.announce is 'received' beside a guard",
      'leave it out: a guard lets no block go before it is durable',
    );
  }
  const signer = store.votes?.planned.signer;
  if (guard !== undefined && (signer === undefined || Buffer.compare(signer, guard.signer) !== 0)) {
    throw invalid('options.guard is not that of options.store', 'open the guard on this very store');
  }
}

/**
 * Checks a node that signs its own blocks without a guard.
 * @throws LANESTORE_QUARANTINED.
 */
export function checkOwnOpen({ votes }: NodeStore): void {
  const quarantine = votes?.planned.quarantine;
  if (quarantine?.parts.includes('own') !== true) return;
  throw new LanestoreError('LANESTORE_QUARANTINED', `the store's own blocks are closed: ${quarantine.why}`, {
    remedy: 'open the part with "lanestore release", then sign through a guard; see docs/signing-safety.md',
  });
}

/** The epochs of the options. */
export function epochsOf({ committee }: AvailOptions): readonly Epoch[] {
  return Array.isArray(committee) ? committee : [{ committee: committee as Committee, firstRoad: 0n }];
}
