/** The options of a guard that concern its sinks. */

import { isNetwork } from '../adapter/signing-history.js';
import type { WitnessSet } from '../adapter/witness-set.js';
import { isSinkName, majorityOf, SINKS_MAX } from '../adapter/witness-set.js';
import {
  boolean,
  type Check,
  type Checks,
  mismatch,
  oneOf,
  outOfRange,
  string,
  wholeNumber,
  withMethods,
} from '../base/options.js';
import { LanestoreError } from '../errors.js';
import type { WitnessKey, WitnessSink } from './witness.js';

/** See `GuardOptions`. */
export interface SinkOptions {
  /**
   * Witness sinks, 1 to 32: places outside this host that record what the key signs. Each is a
   * `fileWitness`, `httpWitness`, `postgresWitness`, or your own. The store records their names.
   * Default: none.
   */
  readonly sinks?: readonly WitnessSink[];
  /** Required with `sinks`: the name of the network, the same in all its signing histories. */
  readonly network?: string;
  /**
   * `before`: a signature is released once a quorum of sinks holds the batch that it depends on, so
   * the sinks know every released vote if this host is lost. `after`: sinks are written in the
   * background, and may lack the last votes. Default `before`.
   */
  readonly mode?: 'before' | 'after';
  /**
   * Number of sinks that must hold a batch, and must answer at open. Default and minimum: more than
   * half.
   */
  readonly quorum?: number;
  /**
   * Upper bound in milliseconds of a call to a sink, and of a wait for a quorum, 1 to 2^31-1.
   * Default 5,000.
   */
  readonly sinkMsMax?: number;
  /** True: replace the sinks that the store records. Set it by hand, once. Default false. */
  readonly changeSinks?: boolean;
  /**
   * With `changeSinks`: the removed sinks. Both lists together must contain a quorum of the old
   * set.
   */
  readonly formerSinks?: readonly WitnessSink[];
}

const checkSinks: Check<readonly WitnessSink[]> = (value, name) => {
  if (!Array.isArray(value)) throw mismatch(name, 'an array of sinks', value);
  if (value.length === 0 || value.length > SINKS_MAX) throw outOfRange(name, `1 to ${SINKS_MAX} sinks`, value.length);
  const check = withMethods<WitnessSink>('a sink', 'read', 'claim', 'put');
  for (const sink of value) {
    const { name: own } = check(sink, `${name}[]`);
    if (!isSinkName(own)) throw outOfRange(`${name}[].name`, '1 to 256 visible ASCII characters', String(own));
  }
  return value;
};

const checkNetwork: Check<string> = (value, name) => {
  if (!isNetwork(string(value, name))) throw outOfRange(name, '1 to 128 visible ASCII characters', value);
  return value as string;
};

const TIMER_MS_MAX = 2 ** 31 - 1;
const SINK_MS = 5_000;

/** Checks each field of {@link SinkOptions} on its own. */
export const SINK_CHECKS: Checks<SinkOptions> = {
  sinks: checkSinks,
  network: checkNetwork,
  mode: oneOf('before', 'after'),
  quorum: wholeNumber(1),
  sinkMsMax: wholeNumber(1, TIMER_MS_MAX, 'of milliseconds'),
  changeSinks: boolean,
  formerSinks: checkSinks,
};

/** The sinks of the options, with the defaults. */
export function sinksOf({ sinks = [], formerSinks = [], mode = 'before', sinkMsMax = SINK_MS }: SinkOptions) {
  return { sinks, former: formerSinks, mode, msMax: sinkMsMax } as const;
}

/**
 * The set of sinks in the options; undefined without sinks.
 * @throws LANESTORE_INVALID for options that contradict each other.
 */
export function givenSet(options: SinkOptions): WitnessSet | undefined {
  const { sinks, network, quorum, formerSinks = [], changeSinks = false } = options;
  if (sinks === undefined) {
    const [extra] = (['network', 'mode', 'quorum', 'changeSinks', 'formerSinks'] as const).filter(
      (name) => options[name] !== undefined,
    );
    if (extra !== undefined) throw invalid(`options.${extra} is given without sinks`);
    return undefined;
  }
  if (network === undefined) throw invalid('options.network is missing: sinks are kept by signer and network');
  if (formerSinks.length > 0 && !changeSinks) throw invalid('options.formerSinks is given without changeSinks');
  const names = [...sinks, ...formerSinks].map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw invalid(`two sinks have the name ${twice}: give each one of its own`);
  const least = majorityOf(sinks.length);
  const enough = quorum ?? least;
  if (enough < least || enough > sinks.length) {
    throw invalid(`options.quorum must be ${least} to ${sinks.length}: with fewer, two copies may both have one`);
  }
  return { names: sinks.map(({ name }) => name).sort(), quorum: enough };
}

/** The key under which the sinks keep the record. */
export function witnessKeyOf({ network }: SinkOptions, signer: Uint8Array): WitnessKey {
  return { network: network as string, signer };
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `openGuard: ${what}`);
}
