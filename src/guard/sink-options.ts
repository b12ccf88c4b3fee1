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
   * Places off the host that witness what the key signs, 1 to 32: `fileWitness`, `httpWitness`,
   * `postgresWitness`, or one of your own. The store records them. Default: none.
   */
  readonly sinks?: readonly WitnessSink[];
  /** With `sinks`: names the network, as in all signing histories of it. */
  readonly network?: string;
  /**
   * `before`: a signature is released once a quorum of sinks holds the batch that it rests on, so
   * no state is lost with this host. `after`: sinks are written in the background, and only detect.
   * Default `before`.
   */
  readonly mode?: 'before' | 'after';
  /** How many sinks must hold a batch, and answer at open. Default, and least: more than half. */
  readonly quorum?: number;
  /**
   * Milliseconds that a call of a sink, and a wait for a quorum, may take, 1 to 2^31-1. Default
   * 5,000.
   */
  readonly sinkMsMax?: number;
  /** True: replace the sinks that the store records. Give it by hand, once. Default false. */
  readonly changeSinks?: boolean;
  /** With `changeSinks`: sinks that leave. A quorum of the old set must be among both lists. */
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

/** The checks of {@link SinkOptions}, as far as each can be checked alone. */
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
 * The set that the options give; undefined without sinks.
 * @throws LANESTORE_INVALID for options that do not fit each other.
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

/** Whose records the sinks keep. */
export function witnessKeyOf({ network }: SinkOptions, signer: Uint8Array): WitnessKey {
  return { network: network as string, signer };
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `openGuard: ${what}`);
}
