/** Taking the record of its sinks from a store: an operator's decision. */
import { boolean, fields, outOfRange, required, string, uint64 } from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import type { Model } from '../../model/model.js';
import { MODEL_CHECK } from '../../model/option-checks.js';
import type { WitnessSet } from '../witness-set.js';
import { amendAt, checkLocation, type StoreLocation, see } from './store-location.js';

/** Options of {@link forgetSinks}. */
export interface ForgetSinksOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** Why, for the record: 1 to 1,024 characters. */
  readonly reason: string;
  /** The newest batch of the store, as a dry run showed it: another one is refused. */
  readonly seq?: bigint;
  /** Decide, and change nothing; a node may run meanwhile. Default false. */
  readonly dryRun?: boolean;
}

/** What {@link forgetSinks} does, or would do. */
export interface ForgetSinksReport {
  /** The real path of the store, or the name of its location. */
  readonly location: string;
  /** The newest batch that was there before. */
  readonly seq: bigint;
  /** The sinks that are forgotten. */
  readonly sinks: WitnessSet;
}

const REASON_MAX = 1024;
const checkOptions = fields<ForgetSinksOptions<unknown, unknown, unknown>>({
  ...MODEL_CHECK,
  reason: required(string),
  seq: uint64,
  dryRun: boolean,
});

/**
 * Makes the store in `location`, on which no node runs, forget its sinks, durably: the next guard
 * may have others, or none. For sinks that are lost for good; a change of sinks that can still be
 * asked is the guard's (`changeSinks`). From then on no copy of this store is found by the sinks
 * that were forgotten.
 * @throws LANESTORE_INVALID for a store without sinks; what opening it throws.
 */
export async function forgetSinks<B, Q, A>(
  location: string | StoreLocation,
  options: ForgetSinksOptions<B, Q, A>,
): Promise<ForgetSinksReport> {
  checkLocation(location, 'forgetSinks: location');
  checkOptions(options, 'forgetSinks: options');
  const { model, reason, seq, dryRun = false } = options;
  if (reason.length === 0 || reason.length > REASON_MAX) {
    throw outOfRange('forgetSinks: options.reason', `1 to ${REASON_MAX} characters`, reason.length);
  }
  const decided = (sinks: WitnessSet | undefined, newest: bigint): WitnessSet => {
    if (sinks === undefined) throw invalid('the store records no sinks');
    if ((seq ?? newest) !== newest) throw invalid(`the newest batch is ${newest}, not ${seq}`);
    return sinks;
  };
  if (dryRun) {
    await using seen = await see(location, model);
    const { seq: newest } = seen.tip;
    return { location: seen.location, seq: newest, sinks: decided(seen.votes.sinks, newest) };
  }
  let report: ForgetSinksReport | undefined;
  await amendAt(location, { model }, ({ location: path, tip, votes }) => {
    const sinks = decided(votes.sinks, tip.seq);
    report = { location: path, seq: tip.seq, sinks };
    const { names, quorum } = sinks;
    return {
      votes: { ...votes, sinks: undefined },
      event: { event: 'forget-sinks', reason, names: [...names], quorum },
    };
  });
  return report as unknown as ForgetSinksReport;
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `forgetSinks: ${what}`, {
    remedy: 'nothing was changed; see docs/signing-safety.md',
  });
}
