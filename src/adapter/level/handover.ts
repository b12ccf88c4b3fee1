/**
 * Signing histories of stores, and the handover of a key from one store to another:
 *
 *   1. handoverRequest(NEW)       the id of the store, which is closed, and its newest batch
 *   2. handover(OLD, to)          one synced batch closes OLD for good; then its history is given,
 *                                 final, for that request only
 *   3. importHistory(NEW, file)   one synced batch raises and opens NEW
 *
 * No moment has two stores that sign. A crash between 2 and 3 leaves none; the same call of
 * `handover` gives the history again.
 */
import { copyOf, hex } from '../../base/bytes.js';
import {
  boolean,
  byteArray,
  type Check,
  fields,
  mismatch,
  outOfRange,
  required,
  string,
  uint64,
} from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import { eventKey, maxU64 } from '../../keys/index.js';
import type { Model, VotePart } from '../../model/model.js';
import { MODEL_CHECK } from '../../model/option-checks.js';
import { type AppliedHistory, appliedHistory, type WitnessProof } from '../history-rules.js';
import { type HandoverRequest, isNetwork, type SigningHistory } from '../signing-history.js';
import { VOTE_PARTS } from '../store-votes.js';
import { decodeRecord, isFault } from './format/record.js';
import type { Tip } from './format/tip.js';
import type { StoredVotes } from './format/votes.js';
import { historyOf, holdsOtherBlock } from './store-history.js';
import { amendAt, checkLocation, type Seen, type StoreLocation, see } from './store-location.js';

/** Options of all that read or write signing histories. */
export interface HistoryOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** Names the network: the same in all files of one; 1 to 128 visible ASCII characters. */
  readonly network: string;
}

/** Options of {@link handover}. */
export interface HandoverOptions<B, Q, A> extends HistoryOptions<B, Q, A> {
  /** What {@link handoverRequest} gave for the other store. */
  readonly to: HandoverRequest;
  /**
   * Change nothing, and return what would be handed over as a live history, which opens no part of
   * any store; a node may run meanwhile. Default false.
   */
  readonly dryRun?: boolean;
}

/** Options of {@link importHistory}. */
export interface ImportHistoryOptions<B, Q, A> extends HistoryOptions<B, Q, A> {
  readonly history: SigningHistory;
  /** The newest batch of the store, as a dry run showed it: another one is refused. */
  readonly seq?: bigint;
  /** Decide, and change nothing; a node may run meanwhile. Default false. */
  readonly dryRun?: boolean;
}

/** What an import does, or would do. */
export interface ImportHistoryReport extends Omit<AppliedHistory<StoredVotes>, 'votes'> {
  /** The real path of the store, or the name of its location. */
  readonly location: string;
  /** The newest batch that was there before. */
  readonly seq: bigint;
  /** Parts that stay closed. */
  readonly closed: readonly VotePart[];
}

const checkNetwork: Check<string> = (value, name) => {
  string(value, name);
  if (!isNetwork(value)) throw outOfRange(name, '1 to 128 visible ASCII characters', value);
  return value;
};
const checkBytes: Check<Uint8Array> = (value, name) => {
  const id = byteArray(value, name);
  if (id.length !== STORE_BYTES) throw outOfRange(name, `the ${STORE_BYTES} bytes of a store id`, `${id.length} bytes`);
  return id;
};
const STORE_BYTES = 16;
const HISTORY_CHECKS = { ...MODEL_CHECK, network: required(checkNetwork) };
const checkRequestOptions = fields<Pick<HistoryOptions<unknown, unknown, unknown>, 'model'>>(MODEL_CHECK);
const checkHistoryOptions = fields<HistoryOptions<unknown, unknown, unknown>>(HISTORY_CHECKS);
const checkHandoverOptions = fields<HandoverOptions<unknown, unknown, unknown>>({
  ...HISTORY_CHECKS,
  to: required(fields<HandoverRequest>({ store: required(checkBytes), seq: required(uint64) })),
  dryRun: boolean,
});
const checkHistory: Check<SigningHistory> = (value, name) => {
  const { logs, lanes } = (value ?? {}) as Partial<SigningHistory>;
  if (!(logs instanceof Map && lanes instanceof Map)) throw mismatch(name, 'what parseHistory gives', value);
  return value as SigningHistory;
};
const checkImportOptions = fields<ImportHistoryOptions<unknown, unknown, unknown>>({
  ...HISTORY_CHECKS,
  history: required(checkHistory),
  seq: uint64,
  dryRun: boolean,
});

/**
 * The history of the store in `location`, whether a node runs on it or not. It is `live`: the store
 * may sign on.
 * @throws LANESTORE_INVALID for a store that no key is bound to; what opening a view throws.
 */
export async function exportHistory<B, Q, A>(
  location: string | StoreLocation,
  options: HistoryOptions<B, Q, A>,
): Promise<SigningHistory> {
  checkLocation(location, 'exportHistory: location');
  checkHistoryOptions(options, 'exportHistory: options');
  await using seen = await see(location, options.model);
  return await historyOf(seen, options);
}

/**
 * Asks for the votes of another store: give what this returns to {@link handover}. Nothing is
 * changed; a node may run.
 * @throws LANESTORE_INVALID for a store that signs already; what opening a view throws.
 */
export async function handoverRequest<B, Q, A>(
  location: string | StoreLocation,
  options: Pick<HistoryOptions<B, Q, A>, 'model'>,
): Promise<HandoverRequest> {
  checkLocation(location, 'handoverRequest: location');
  checkRequestOptions(options, 'handoverRequest: options');
  await using seen = await see(location, options.model);
  const { signer, quarantine } = seen.votes;
  if (signer !== undefined && quarantine === undefined) throw invalid('handoverRequest', 'the store signs already');
  return { store: seen.tip.store, seq: seen.tip.seq };
}

/**
 * Hands the votes of the store in `location`, on which no node runs, to another store: durably it
 * signs nothing any more when this resolves with its final history. The same call gives that again,
 * after another synced batch; another request is refused. Only a handover back opens the store.
 * @throws LANESTORE_INVALID; what opening it throws.
 */
export async function handover<B, Q, A>(
  location: string | StoreLocation,
  options: HandoverOptions<B, Q, A>,
): Promise<SigningHistory> {
  checkLocation(location, 'handover: location');
  checkHandoverOptions(options, 'handover: options');
  const { model, dryRun = false } = options;
  const to = { store: copyOf(options.to.store), seq: options.to.seq };
  await using seen = await see(location, model);
  const { tip, votes } = seen;
  const { quarantine } = votes;
  if (hex(to.store) === hex(tip.store)) throw invalid('handover', 'the request is of this very store, or a copy of it');
  const isAgain = quarantine?.heir !== undefined;
  if (isAgain && (hex(quarantine.heir) !== hex(to.store) || quarantine.heirSeq !== to.seq)) {
    throw invalid('handover', `it was handed over to the store ${hex(quarantine.heir)} already`);
  }
  const closedAs = isAgain ? { quarantine: await closedBefore(seen, quarantine) } : {};
  const history = { ...(await historyOf(seen, options)), ...closedAs };
  const final = { ...history, seq: isAgain ? tip.seq : tip.seq + 1n, kind: 'final', to } as const;
  // Not final: that would open the other store while this one still signs.
  if (dryRun) return history;
  await amendAt(location, { model }, ({ tip: now, votes: found }) => {
    if (now.seq !== tip.seq) throw invalid('handover', 'the store changed while it was looked at');
    // Another synced batch: the first one may be readable, and still be lost in a power cut or a
    // failover. The history must not leave before.
    if (isAgain) return { votes: found, event: { event: 'handover-again', to: to.store, toSeq: to.seq } };
    const why = `it was handed over to the store ${hex(to.store)}`;
    const heir = { heir: to.store, heirSeq: to.seq };
    const closed = { parts: VOTE_PARTS, why, when: new Date().toISOString(), lost: quarantine?.lost === true, ...heir };
    return {
      votes: { ...found, quarantine: closed },
      event: { event: 'handover', to: to.store, toSeq: to.seq, closed: eventOf(history.quarantine) },
    };
  });
  return final;
}

/**
 * Brings a signing history to the store in `location`, on which no node runs, in one synced batch.
 * It only raises what may be signed, unless it is a final one that answers this store's request:
 * that opens what was closed before the request, and brings the node's inner state.
 * @throws LANESTORE_INVALID for a history of another key, model, network or store, or one that was
 * used before; LANESTORE_CAPACITY; what opening the store throws. Then nothing was changed.
 */
export async function importHistory<B, Q, A>(
  location: string | StoreLocation,
  options: ImportHistoryOptions<B, Q, A>,
): Promise<ImportHistoryReport> {
  checkLocation(location, 'importHistory: location');
  checkImportOptions(options, 'importHistory: options');
  return importProven(location, options);
}

/** {@link importHistory} of what sinks hold, if there is a proof of that. */
export async function importProven<B, Q, A>(
  location: string | StoreLocation,
  options: ImportHistoryOptions<B, Q, A>,
  proof?: WitnessProof,
): Promise<ImportHistoryReport> {
  const { model, network, seq, dryRun = false } = options;
  // A copy: what was judged is what is stored.
  const history = structuredClone(options.history);
  await using seen = await see(location, model);
  const hasOtherBlock = await holdsOtherBlock(seen, history);
  const decided = ({ store, seq: newest }: Tip, votes: StoredVotes) => {
    if ((seq ?? newest) !== newest) throw invalid('importHistory', `the newest batch is ${newest}, not ${seq}`);
    const logs = model.votes?.logs ?? {};
    const target = { model: { name: model.name, logs }, network, store, seq: newest, votes, hasOtherBlock };
    return appliedHistory({ ...target, when: new Date().toISOString() }, history, proof);
  };
  const reportOf = (path: string, { seq: newest }: Tip, { votes, ...applied }: AppliedHistory<StoredVotes>) => ({
    ...applied,
    location: path,
    seq: newest,
    closed: votes.quarantine?.parts ?? [],
  });
  if (dryRun) return reportOf(seen.location, seen.tip, decided(seen.tip, seen.votes));
  let report: ImportHistoryReport | undefined;
  await amendAt(location, { model }, ({ location: path, tip, votes }) => {
    const applied = decided(tip, votes);
    report = reportOf(path, tip, applied);
    const { kind, store, seq: from, inner } = history;
    const { raised, opened } = applied;
    // Above what the sinks hold of this very store: they must go on to rise.
    const isOwn = proof !== undefined && Buffer.compare(store, tip.store) === 0;
    return {
      votes: applied.votes,
      inner: opened.length > 0 ? inner : undefined,
      event: { event: 'signing-history', kind, store, from, raised, opened, fromSinks: proof !== undefined },
      ...(isOwn ? { seq: maxU64(tip.seq, from) + 1n } : {}),
    };
  });
  return report as unknown as ImportHistoryReport;
}

function eventOf(quarantine: SigningHistory['quarantine']): object | null {
  return quarantine === undefined ? null : { ...quarantine, parts: [...quarantine.parts] };
}

/** What was closed before a handover: its record has it. */
async function closedBefore<B, Q, A>(
  { view }: Seen<B, Q, A>,
  { seq }: NonNullable<StoredVotes['quarantine']>,
): Promise<SigningHistory['quarantine']> {
  const key = eventKey(seq ?? 0n);
  const entry = await view.get(key);
  const record = entry === undefined ? undefined : decodeRecord(key, entry.value);
  if (record === undefined || isFault(record)) throw invalid('handover', `its record ${key} cannot be read`);
  const { closed } = record.body as { closed: SigningHistory['quarantine'] | null };
  return closed ?? undefined;
}

function invalid(name: string, what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `${name}: ${what}`, {
    remedy: 'nothing was changed; see docs/signing-safety.md',
  });
}
