/** Imports what sinks hold of a key into a store that was restored, rolled back or newly made. */
import type { SigningHistory } from '../adapter/index.js';
import { importProven } from '../adapter/level/handover.js';
import type { ImportHistoryReport, StoreLocation } from '../adapter/level/index.js';
import { checkLocation, see } from '../adapter/level/store-location.js';
import { isSinkName } from '../adapter/witness-set.js';
import { hex } from '../base/bytes.js';
import { boolean, byteArray, fields, required, uint64 } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import type { Model } from '../model/model.js';
import { MODEL_CHECK } from '../model/option-checks.js';
import { SinkFeed } from './sink-feed.js';
import { SINK_CHECKS, type SinkOptions, sinksOf } from './sink-options.js';
import type { WitnessRecord, WitnessSink } from './witness.js';
import { noQuorumError } from './witness-quorum.js';

/** Options of {@link importFromSinks}. */
export interface SinkImportOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** The name of the network, as in the options of the guard. */
  readonly network: string;
  /** The sinks of the key, under the names that the guard had. */
  readonly sinks: readonly WitnessSink[];
  /** The public key, for a store that no key is bound to. */
  readonly signer?: Uint8Array;
  /** As in the options of a guard. */
  readonly sinkMsMax?: number;
  /** The newest batch of the store, as a dry run reported it. Any other newest batch is refused. */
  readonly seq?: bigint;
  /** Report what would be done, and change neither the store nor the sinks. Default false. */
  readonly dryRun?: boolean;
}

/** What an import does, or would do. */
export interface SinkImportReport extends ImportHistoryReport {
  /** The imported history. */
  readonly history: SigningHistory;
  /** By sink: the batch that it holds, undefined if it holds none, or why it did not answer. */
  readonly sinks: ReadonlyMap<string, bigint | Error | undefined>;
}

const checkOptions = fields<SinkImportOptions<unknown, unknown, unknown>>({
  ...MODEL_CHECK,
  network: required(SINK_CHECKS.network),
  sinks: required(SINK_CHECKS.sinks),
  signer: byteArray,
  sinkMsMax: SINK_CHECKS.sinkMsMax,
  seq: uint64,
  dryRun: boolean,
});

/**
 * Imports the newest history that the sinks of a key hold into the store in `location`, in one
 * synced batch. No node may run on the store. The import raises watermarks and floors. It also
 * opens closed parts if the sinks prove that nothing else was released. The proof: the sinks were
 * written before each release, and this import has claimed a quorum of them, so the previous signer
 * can release nothing more.
 * @throws LANESTORE_IO if no sink answers; LANESTORE_INVALID if none holds the key, or if they hold
 * stores that do not follow each other; errors of `importHistory`.
 */
export async function importFromSinks<B, Q, A>(
  location: string | StoreLocation,
  options: SinkImportOptions<B, Q, A>,
): Promise<SinkImportReport> {
  checkLocation(location, 'importFromSinks: location');
  checkOptions(options, 'importFromSinks: options');
  const { model, network, seq, dryRun = false } = options;
  const signer = await signerOf(location, options);
  const asked = await ask(options, signer, dryRun ? 'read' : 'claim');
  const held = [...asked.values()].flatMap((answer) => (answer instanceof Error ? [] : [answer]));
  if (held.length === 0) {
    const failed = [...asked].map(([name, error]) => [name, error as Error] as const);
    const names = [...asked.keys()].filter(isSinkName);
    throw noQuorumError('importFromSinks', [{ names, quorum: 1 }], failed);
  }
  const histories = held.flatMap(({ last }) => (last === undefined ? [] : [last.history]));
  const history = newestOf(histories);
  const others = histories.filter((older) => hex(older.store) !== hex(history.store));
  const older = others.map(({ store, seq: last }) => ({ store, seq: last }));
  const given = { model, network, history, dryRun, ...(seq === undefined ? {} : { seq }) };
  const report = await importProven(location, given, { older, doubt: doubtOf(history, histories, asked) });
  const sinks = new Map([...asked].map(([name, answer]) => [name, seqOf(answer)] as const));
  return { ...report, history, sinks };
}

type Asked = ReadonlyMap<string, WitnessRecord | Error>;

function seqOf(answer: WitnessRecord | Error): bigint | Error | undefined {
  return answer instanceof Error ? answer : answer.last?.history.seq;
}

async function signerOf<B, Q, A>(
  location: string | StoreLocation,
  { model, signer }: Pick<SinkImportOptions<B, Q, A>, 'model' | 'signer'>,
): Promise<Uint8Array> {
  await using seen = await see(location, model);
  const bound = seen.votes.signer;
  if (bound === undefined && signer === undefined) {
    throw invalid('no key is bound to the store: options.signer must name the one whose history it is');
  }
  if (bound !== undefined && signer !== undefined && hex(bound) !== hex(signer)) {
    throw invalid(`the store is of the key ${hex(bound)}`);
  }
  return (bound ?? signer) as Uint8Array;
}

/** The answer of each sink, or the reason why it gave none before the deadline. */
async function ask(
  options: Pick<SinkOptions, 'sinks' | 'sinkMsMax'> & { readonly network: string },
  signer: Uint8Array,
  call: 'read' | 'claim',
): Promise<Asked> {
  const { sinks, msMax } = sinksOf(options);
  const none = () => undefined;
  const unused = () => Promise.reject(new Error('nothing is put'));
  const parts = {
    msMax,
    key: { network: options.network, signer },
    newest: unused,
    judge: none,
    changed: none,
    lost: none,
  };
  const answer = async (sink: WitnessSink) => {
    const feed = new SinkFeed(sink, parts);
    const found = await feed[call]().catch((error: unknown) => error as Error);
    feed.close();
    return [sink.name, found] as const;
  };
  return new Map(await Promise.all(sinks.map(answer)));
}

/** The history that continues all others. @throws LANESTORE_INVALID. */
function newestOf(histories: readonly SigningHistory[]): SigningHistory {
  if (histories.length === 0) throw invalid('the sinks know nothing of this key in this network');
  const newest = histories.find((history) => histories.every((older) => continues(history, older)));
  if (newest !== undefined) return newest;
  const names = histories.map(({ store, seq }) => `${hex(store)}@${seq}`);
  throw invalid(`the sinks hold stores of which none continues all others: ${names.join(', ')}`);
}

function continues({ store, seq, heirOf }: SigningHistory, older: SigningHistory): boolean {
  if (hex(store) === hex(older.store)) return seq >= older.seq;
  return heirOf.some((heir) => hex(heir.store) === hex(older.store) && heir.seq >= older.seq);
}

/** Why more may have been released than the newest history has; undefined if nothing more was. */
function doubtOf({ sinks }: SigningHistory, histories: readonly SigningHistory[], asked: Asked): string | undefined {
  if (sinks === undefined) return 'the history names no sinks, so any may hold more';
  if (histories.some((history) => history.sinks?.mode !== 'before')) {
    return 'sinks were written after signatures were released, so these may not hold the last ones';
  }
  const found = sinks.names.filter((name) => {
    const answer = asked.get(name);
    return answer !== undefined && !(answer instanceof Error) && answer.last !== undefined;
  });
  if (found.length >= sinks.quorum) return undefined;
  const missing = sinks.names.filter((name) => !found.includes(name)).join(', ');
  return `${found.length} of ${sinks.names.length} sinks hold the key, ${sinks.quorum} are needed; missing: ${missing}`;
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `importFromSinks: ${what}`, {
    remedy: 'nothing was changed in the store; see docs/signing-safety.md',
  });
}
