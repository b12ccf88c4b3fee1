/** How a state is opened. */
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
  /** The store, just opened; nobody else may write to it. The caller closes it, after the state. */
  readonly store: NodeStore;
  /**
   * The committee; or, while one takes over from another, the epochs that the stored roads belong
   * to, oldest first.
   */
  readonly committee: Committee | readonly Epoch[];
  /**
   * The guard of the same store, which signs the node's blocks; without it, and without `secret`,
   * the node produces none. The caller closes it after the state, and before the store.
   */
  readonly guard?: BlockGuard;
  /**
   * For nodes without a guard, where a restored copy signs again: the node's own secret key, 32
   * bytes. Refused on a store that a key is bound to, that has a guard, or whose own blocks are
   * closed; while the state is open, no guard opens on the store.
   */
  readonly secret?: Uint8Array;
  /**
   * When the node's own blocks are handed out to be sent to peers: once they are durable (default),
   * or as soon as they exist, as the original does. A node that sent a block, lost it in a crash
   * and produces another one in its place has equivocated; a guard lets none go before it is
   * durable.
   */
  readonly announce?: 'durable' | 'received';
  /**
   * Check every signature of what the store holds (default), or trust what was verified before it
   * was stored.
   */
  readonly verifyLoaded?: boolean;
  /**
   * Bytes that one turn of the persist loop hands to the store, and the largest block that is
   * admitted. At most the store's own limit. Default 8 MiB.
   */
  readonly maxRoundBytes?: number;
  /**
   * Blocks and CommitQCs that one turn hands to the store. At most the store's own limit. Default
   * 8192, as the store's.
   */
  readonly maxRoundEntries?: number;
  /**
   * Rounds under way at a time; 1 waits for each, as the original does. Default: no bound but two
   * for each log.
   */
  readonly maxRounds?: number;
}

/** What a guard does for the own lane. */
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

/** The limits that the options ask for. */
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
 * @throws LANESTORE_INVALID for a key together with a guard, or on a store that a key is bound to;
 * LANESTORE_QUARANTINED for a key on a store whose own blocks are closed.
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

/** For a node that signs its own blocks without a guard. @throws LANESTORE_QUARANTINED. */
export function checkOwnOpen({ votes }: NodeStore): void {
  const quarantine = votes?.planned.quarantine;
  if (quarantine?.parts.includes('own') !== true) return;
  throw new LanestoreError('LANESTORE_QUARANTINED', `the store's own blocks are closed: ${quarantine.why}`, {
    remedy: 'open the part with "lanestore release", then sign through a guard; see docs/signing-safety.md',
  });
}

/** The epochs that the options name. */
export function epochsOf({ committee }: AvailOptions): readonly Epoch[] {
  return Array.isArray(committee) ? committee : [{ committee: committee as Committee, firstRoad: 0n }];
}
