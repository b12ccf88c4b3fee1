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
import { hex } from '../../base/bytes.js';
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
import { eventKey } from '../../keys/index.js';
import type { Model, VotePart } from '../../model/model.js';
import { MODEL_CHECK } from '../../model/option-checks.js';
import { type AppliedHistory, appliedHistory } from '../history-rules.js';
import { digestOf } from '../round-votes.js';
import { type HandoverRequest, isNetwork, type SigningHistory } from '../signing-history.js';
import { VOTE_PARTS } from '../store-votes.js';
import { coded } from './database.js';
import { decodeRecord, isFault } from './format/record.js';
import { otherFormat } from './format/schema.js';
import type { Tip } from './format/tip.js';
import type { StoredVotes } from './format/votes.js';
import { closedUnlessProven } from './open/amend.js';
import { amendStore } from './open/amend-store.js';
import { openView } from './view/open-view.js';
import type { StoreView } from './view/store-view.js';

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
  /** Say what would be handed over, and change nothing; a node may run meanwhile. Default false. */
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
  /** The real path of the store. */
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
  location: string,
  options: HistoryOptions<B, Q, A>,
): Promise<SigningHistory> {
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
  location: string,
  options: Pick<HistoryOptions<B, Q, A>, 'model'>,
): Promise<HandoverRequest> {
  checkRequestOptions(options, 'handoverRequest: options');
  await using seen = await see(location, options.model);
  const { signer, quarantine } = seen.votes;
  if (signer !== undefined && quarantine === undefined) throw invalid('handoverRequest', 'the store signs already');
  return { store: seen.tip.store, seq: seen.tip.seq };
}

/**
 * Hands the votes of the store in `location`, on which no node runs, to another store: durably it
 * signs nothing any more when this resolves with its final history. The same call gives that again;
 * another request is refused. Only a handover back opens the store.
 * @throws LANESTORE_INVALID; what opening it throws.
 */
export async function handover<B, Q, A>(location: string, options: HandoverOptions<B, Q, A>): Promise<SigningHistory> {
  string(location, 'handover: location');
  checkHandoverOptions(options, 'handover: options');
  const { model, to, dryRun = false } = options;
  await using seen = await see(location, model);
  const { tip, votes } = seen;
  const { quarantine } = votes;
  if (hex(to.store) === hex(tip.store)) throw invalid('handover', 'the request is of this very store, or a copy of it');
  if (quarantine?.heir !== undefined) {
    if (hex(quarantine.heir) !== hex(to.store) || quarantine.heirSeq !== to.seq) {
      throw invalid('handover', `it was handed over to the store ${hex(quarantine.heir)} already`);
    }
    return { ...(await historyOf(seen, options)), kind: 'final', to, quarantine: await closedBefore(seen, quarantine) };
  }
  const history = await historyOf(seen, options);
  const final = { ...history, seq: tip.seq + 1n, kind: 'final', to } as const;
  if (dryRun) return final;
  await amendStore(location, { model }, ({ tip: now, votes: found }) => {
    if (now.seq !== tip.seq) throw invalid('handover', 'the store changed while it was looked at');
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
  location: string,
  options: ImportHistoryOptions<B, Q, A>,
): Promise<ImportHistoryReport> {
  string(location, 'importHistory: location');
  checkImportOptions(options, 'importHistory: options');
  const { model, network, history, seq, dryRun = false } = options;
  await using seen = await see(location, model);
  const hasOtherBlock = await holdsOtherBlock(seen, history);
  const decided = ({ store, seq: newest }: Tip, votes: StoredVotes) => {
    if ((seq ?? newest) !== newest) throw invalid('importHistory', `the newest batch is ${newest}, not ${seq}`);
    const logs = model.votes?.logs ?? {};
    const target = { model: { name: model.name, logs }, network, store, seq: newest, votes, hasOtherBlock };
    return appliedHistory({ ...target, when: new Date().toISOString() }, history);
  };
  const reportOf = (path: string, { seq: newest }: Tip, { votes, ...applied }: AppliedHistory<StoredVotes>) => ({
    ...applied,
    location: path,
    seq: newest,
    closed: votes.quarantine?.parts ?? [],
  });
  if (dryRun) return reportOf(seen.location, seen.tip, decided(seen.tip, seen.votes));
  let report: ImportHistoryReport | undefined;
  await amendStore(location, { model }, ({ location: path, tip, votes }) => {
    const applied = decided(tip, votes);
    report = reportOf(path, tip, applied);
    const { kind, store, seq: from, inner } = history;
    return {
      votes: applied.votes,
      inner: applied.opened.length > 0 ? inner : undefined,
      event: { event: 'signing-history', kind, store, from, raised: applied.raised, opened: applied.opened },
    };
  });
  return report as unknown as ImportHistoryReport;
}

/** A store that would open, with its votes as they would be then. */
interface Seen<B> extends AsyncDisposable {
  readonly location: string;
  readonly view: StoreView<B, unknown, unknown>;
  readonly model: Model<B, unknown, unknown>;
  readonly tip: Tip;
  readonly votes: StoredVotes;
}

async function see<B, Q, A>(location: string, model: Model<B, Q, A>): Promise<Seen<B>> {
  string(location, 'location');
  const view = await openView(location, { model });
  try {
    if (view.refusal !== undefined) throw view.refusal;
    const { tip, schema, witness } = view;
    if (view.votes === undefined || tip === undefined) throw otherFormat(schema?.format ?? 1);
    const [newest] = witness.slots;
    const votes = closedUnlessProven(view.votes, tip, newest === undefined ? {} : { provenSeq: newest.seq });
    const close = () => view.close();
    return { location: view.location, view, model, tip, votes, [Symbol.asyncDispose]: close } as unknown as Seen<B>;
  } catch (error) {
    await view.close();
    throw coded(error);
  }
}

async function historyOf<B>(
  { view, model, tip, votes }: Seen<B>,
  { network }: Pick<HistoryOptions<unknown, unknown, unknown>, 'network'>,
): Promise<SigningHistory> {
  const { signer, logs, laneFloors, quarantine } = votes;
  if (signer === undefined) throw invalid('signing history', 'no key is bound to the store, so it signed nothing');
  const lanes = new Map<string, { last: bigint | undefined; floor: bigint | undefined }>();
  for (const [lane, floor] of laneFloors) lanes.set(lane, { last: undefined, floor });
  for (const [lane, { next }] of view.cursors.lanes) {
    if (next > 0n) lanes.set(lane, { last: next - 1n, floor: laneFloors.get(lane) });
  }
  const lane = [...view.cursors.lanes.keys()].find((id) => model.votes?.isOwnLane(id, signer));
  const last = lane === undefined ? 0n : (view.cursors.lanes.get(lane)?.next ?? 0n) - 1n;
  const block = lane === undefined || last < 0n ? undefined : await view.block(lane, last);
  return {
    ...{ model: model.name, network, signer, store: tip.store, seq: tip.seq, time: new Date().toISOString() },
    ...{ kind: 'live', to: undefined, logs, lanes },
    own: lane === undefined || block === undefined ? undefined : { lane, last, hash: hashOf(model, block) },
    quarantine: quarantine === undefined ? undefined : shown(quarantine),
    inner: view.inner,
  };
}

function shown({ parts, why, when, lost }: NonNullable<SigningHistory['quarantine']>) {
  return { parts, why, when, lost: lost === true };
}

/** The digest of a vote for a block: it tells any two blocks of one place apart. */
function hashOf<B>(model: Model<B, unknown, unknown>, block: B): Uint8Array {
  const votes = model.votes as NonNullable<typeof model.votes>;
  return digestOf(votes, votes.laneVote(block));
}

async function holdsOtherBlock<B>({ view, model }: Seen<B>, { own }: SigningHistory): Promise<boolean> {
  if (own === undefined || model.votes === undefined) return false;
  const block = await view.block(own.lane, own.last);
  return block !== undefined && Buffer.compare(hashOf(model, block), own.hash) !== 0;
}

function eventOf(quarantine: SigningHistory['quarantine']): object | null {
  return quarantine === undefined ? null : { ...quarantine, parts: [...quarantine.parts] };
}

/** What was closed before a handover: its record has it. */
async function closedBefore<B>(
  { view }: Seen<B>,
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
