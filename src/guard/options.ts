/** Options of `openGuard`, the argument of `guard.round`, and their checks. */

import type { Cursors, DurableHooks, Round, VoteStore } from '../adapter/persistence.js';
import { copyOf } from '../base/bytes.js';
import {
  boolean,
  byteArray,
  type Check,
  callback,
  fields,
  iterable,
  mismatch,
  required,
  wholeNumber,
  withMethods,
} from '../base/options.js';
import { LanestoreError } from '../errors.js';
import type { VoteModel } from '../model/model.js';
import { checkModel } from '../model/option-checks.js';
import { Signer, type SignFunction } from './signer.js';
import { SINK_CHECKS, type SinkOptions } from './sink-options.js';

/** What a guard needs of its store. */
export interface GuardStore<Block> {
  readonly cursors: Cursors;
  readonly votes?: VoteStore<Block> | undefined;
  persist(
    round: Pick<Round<never, never, never>, 'votes' | 'inner'>,
    hooks: Pick<DurableHooks<never, never, never>, 'vote'>,
  ): Promise<void>;
}

/** Options of `openGuard`. The key is given as `key`, or as `sign` and `signer`. */
export interface GuardOptions<Vote, Block, Signed> extends SinkOptions {
  /** A newly opened store of a backend that keeps votes. The caller closes it after the guard. */
  readonly store: GuardStore<Block>;
  /** The model that the store was opened with. */
  readonly model: { readonly name: string; readonly votes: VoteModel<Vote, Block, Signed> };
  /** The secret key; nothing else may sign with it. Copied. */
  readonly key?: Uint8Array;
  /**
   * Signs 32 bytes with a key in an HSM or KMS. If it throws, or does not answer within
   * `signMsMax`, it may have signed. The vote then counts as given, and its signature is never
   * released; the same vote may be given again.
   */
  readonly sign?: SignFunction;
  /** The public key that `sign` signs with. */
  readonly signer?: Uint8Array;
  /**
   * True: the operator asserts that this key has never signed anything, anywhere. Needed once, for
   * a store that no key is bound to; without it, such a store signs nothing. Set it by hand, never
   * in a permanent configuration: a new store does not know what an old key has signed, so it may
   * sign a second vote in one place.
   */
  readonly firstUse?: boolean;
  /** Milliseconds that `sign` may take, 1 to 2^31-1. Default 10,000. */
  readonly signMsMax?: number;
}

/** The argument of `guard.round`. */
export interface GuardRound<Vote, Signed> {
  /** The votes in the order in which they are given; at most 1,024. */
  readonly votes: Iterable<Vote>;
  /**
   * Returns the node's inner state with the signed votes, which are in the order of `votes`. The
   * function must not pass them on: they are not durable yet.
   */
  readonly inner?: ((signed: readonly Signed[]) => Uint8Array) | undefined;
}

/** Checks a {@link GuardRound}. */
export const checkGuardRound = fields<GuardRound<unknown, unknown>>({ votes: required(iterable), inner: callback() });

const checkVoteModel: Check<GuardOptions<unknown, unknown, unknown>['model']> = (value, name) => {
  const model = checkModel(value, name);
  if (model.votes === undefined) throw mismatch(name, 'a model with votes, such as autobahn', value);
  return value as GuardOptions<unknown, unknown, unknown>['model'];
};

/** Upper bound of a Node.js timer in milliseconds; a longer one fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Checks {@link GuardOptions}. */
export const checkGuardOptions = fields<GuardOptions<unknown, unknown, unknown>>({
  store: required(withMethods<GuardStore<unknown>>('a store', 'persist')),
  model: required(checkVoteModel),
  key: byteArray,
  sign: callback<SignFunction>(),
  signer: byteArray,
  firstUse: boolean,
  signMsMax: wholeNumber(1, TIMER_MS_MAX, 'of milliseconds'),
  ...SINK_CHECKS,
});

const SIGN_MS = 10_000;
const SIGNER_BYTES_MAX = 128;

/** The signer that the options name. @throws LANESTORE_INVALID if they name none, or two. */
export function signerOf<Vote, Block, Signed>(options: GuardOptions<Vote, Block, Signed>): Signer {
  const { key, sign, signer, model, signMsMax = SIGN_MS } = options;
  if ((key === undefined) === (sign === undefined)) {
    throw new LanestoreError('LANESTORE_INVALID', 'openGuard: options must have either key, or sign and signer');
  }
  if (key !== undefined) {
    const own = model.votes.keyOf(copyOf(key));
    if (signer !== undefined && Buffer.compare(signer, own.signer) !== 0) {
      throw new LanestoreError('LANESTORE_INVALID', 'openGuard: options.signer is not the public key of options.key');
    }
    return new Signer(own.signer, (digest) => own.sign(digest), signMsMax);
  }
  if (signer === undefined) throw new TypeError('openGuard: options.signer is missing');
  if (signer.length === 0 || signer.length > SIGNER_BYTES_MAX) {
    throw new LanestoreError('LANESTORE_INVALID', `openGuard: options.signer must have 1 to ${SIGNER_BYTES_MAX} bytes`);
  }
  return new Signer(signer, sign as SignFunction, signMsMax);
}
