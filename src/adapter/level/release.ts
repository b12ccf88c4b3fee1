/**
 * Opening parts of a store's votes that are closed: an operator's decision, in one batch with a
 * record of it. Nothing else opens a part. The operator says either that the state is the last one
 * of its key, or how far the key may have signed.
 */
import {
  boolean,
  byteArray,
  type Check,
  fields,
  iterable,
  mismatch,
  oneOf,
  outOfRange,
  required,
  string,
  uint64,
} from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import { isLaneId, isU64, type LaneId } from '../../keys/index.js';
import type { Model, Position, VoteModel, VotePart } from '../../model/model.js';
import { MODEL_CHECK } from '../../model/option-checks.js';
import { SIGNER_BYTES_MAX, VOTE_PARTS } from '../store-votes.js';
import { comparePositions } from '../vote-rules.js';
import type { StoredVotes } from './format/votes.js';
import { peerFloors } from './peer-floors.js';
import { amendAt, checkLocation, type StoreLocation, see } from './store-location.js';

/** What an operator decides. One of `asIs`, `floors` and `peers` must be given. */
export interface ReleaseOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** Why, for the record: 1 to 1,024 characters. */
  readonly reason: string;
  /**
   * True: this state is the last one of its key, and nothing that it was copied from will ever run
   * again. Refused where the store itself knows better: after a rollback that lost acknowledged
   * batches, and after signatures of the key came from outside.
   */
  readonly asIs?: boolean;
  /**
   * How far the key may have signed: by the name of a log, a position; by the id of a lane, a block
   * number. Nothing is signed at or below a floor. A floor never falls, nor lies below what the
   * store itself has signed. To open `lanes`, every lane that the store holds or has a floor of
   * must be named; name those too that it does not know, and that the key may have voted in.
   */
  readonly floors?: ReadonlyMap<string, Position | bigint>;
  /**
   * Floors are worked out from what peers answered since the store was closed (`guard.answer`): the
   * old signer of this key had stopped for good before, and none of those that answered was
   * restored itself. `validators`: the public keys of all validators, the own one included.
   */
  readonly peers?: { readonly validators: readonly Uint8Array[] };
  /**
   * Parts to open. Default with `asIs`: all that are closed; with `peers`: those that the answers
   * are enough for. With `floors` it must be given.
   */
  readonly open?: Iterable<VotePart>;
  /** The public key that signs, for a store that no key is bound to. */
  readonly signer?: Uint8Array;
  /** The newest batch of the store, as a dry run showed it: another one is refused. */
  readonly seq?: bigint;
  /** Decide, and change nothing; a node may run meanwhile. Default false. */
  readonly dryRun?: boolean;
}

const checkFloors: Check<ReadonlyMap<string, Position | bigint>> = (value, name) => {
  if (!(value instanceof Map)) throw mismatch(name, 'a Map', value);
  return value;
};

const checkKeys: Check<readonly Uint8Array[]> = (value, name) => {
  if (!Array.isArray(value)) throw mismatch(name, 'an array of public keys', value);
  return value.map((key) => byteArray(key, `${name}[]`));
};

const checkReleaseOptions = fields<ReleaseOptions<unknown, unknown, unknown>>({
  ...MODEL_CHECK,
  reason: required(string),
  asIs: boolean,
  floors: checkFloors,
  peers: fields<{ readonly validators: readonly Uint8Array[] }>({ validators: required(checkKeys) }),
  open: iterable,
  signer: byteArray,
  seq: uint64,
  dryRun: boolean,
});

/** What a release does, or would do. */
export interface ReleaseReport {
  /** The real path of the store, or the name of its location. */
  readonly location: string;
  /** The newest batch that was there before. */
  readonly seq: bigint;
  /** Why parts were closed; absent if none was. */
  readonly why?: string;
  /** The key that signs. */
  readonly signer: Uint8Array;
  /** Parts that are opened. */
  readonly opened: readonly VotePart[];
  /** Parts that stay closed. */
  readonly closed: readonly VotePart[];
  /** Why the answers of peers are not enough for some parts; absent without `peers`. */
  readonly pending?: ReadonlyMap<VotePart, string>;
  /** What the key gave last in each log, and its floor afterwards. */
  readonly logs: StoredVotes['logs'];
  /** Floors of lanes afterwards. */
  readonly laneFloors: ReadonlyMap<LaneId, bigint>;
}

const REASON_MAX = 1024;
const checkPart = oneOf<VotePart>(...VOTE_PARTS);

/**
 * Opens parts of the votes of the store in `location`, on which no node runs, durably. A wrong
 * answer to what the options ask makes the key sign twice: read docs/signing-safety.md first.
 * @throws LANESTORE_INVALID for a decision that does not fit the store, which is as it was; what
 * opening it throws.
 */
export async function releaseStore<B, Q, A>(
  location: string | StoreLocation,
  options: ReleaseOptions<B, Q, A>,
): Promise<ReleaseReport> {
  checkLocation(location, 'releaseStore: location');
  checkReleaseOptions(options, 'releaseStore: options');
  const { model, reason, asIs = false, dryRun = false } = options;
  if (reason.length === 0 || reason.length > REASON_MAX) {
    throw outOfRange('releaseStore: options.reason', `1 to ${REASON_MAX} characters`, reason.length);
  }
  const decision = await decisionOf(location, options);
  if (dryRun) return onView(location, options, decision);
  let report: ReleaseReport | undefined;
  await amendAt(location, { model }, ({ location: path, tip, votes }) => {
    checkSeq(options, tip.seq);
    checkSeq(decision, tip.seq);
    const next = released(model.votes, { votes, lanes: tip.lanes.keys() }, decision);
    report = reportOf(path, tip.seq, votes, next, decision);
    const { opened, signer } = report;
    const floors = [...decision.floors].map(([name, floor]) => [name, typeof floor === 'bigint' ? floor : [...floor]]);
    const isPeers = decision.pending !== undefined;
    return { votes: next, event: { event: 'release', reason, asIs, fromPeers: isPeers, opened, floors, signer } };
  });
  return report as unknown as ReleaseReport;
}

async function onView<B, Q, A>(
  location: string | StoreLocation,
  options: ReleaseOptions<B, Q, A>,
  decision: Decision,
): Promise<ReleaseReport> {
  await using seen = await see(location, options.model);
  const { tip, votes } = seen;
  checkSeq(options, tip.seq);
  const next = released(options.model.votes, { votes, lanes: tip.lanes.keys() }, decision);
  return reportOf(seen.location, tip.seq, votes, next, decision);
}

function checkSeq({ seq }: { readonly seq?: bigint | undefined }, found: bigint): void {
  if (seq === undefined || seq === found) return;
  throw invalid(`batch ${seq} was looked at, the newest batch of the store is ${found}: it changed since`);
}

/** What was decided, checked as far as that needs no look at the votes. */
interface Decision {
  readonly asIs: boolean;
  readonly floors: ReadonlyMap<string, Position | bigint>;
  readonly open: readonly VotePart[] | undefined;
  readonly signer: Uint8Array | undefined;
  /** With peers: the batch that their answers were read from, and what they are not enough for. */
  readonly seq?: bigint;
  readonly pending?: ReadonlyMap<VotePart, string>;
}

async function decisionOf<B, Q, A>(
  location: string | StoreLocation,
  options: ReleaseOptions<B, Q, A>,
): Promise<Decision> {
  const { model, asIs = false, floors, peers, open, signer } = options;
  if ([asIs, floors !== undefined, peers !== undefined].filter(Boolean).length !== 1) {
    throw invalid('either asIs must be true, or floors must be given, or peers');
  }
  const parts = open === undefined ? undefined : [...new Set([...open].map((part) => checkPart(part, 'options.open')))];
  if (floors !== undefined && parts === undefined) {
    throw invalid('floors need options.open: the parts that they are enough to open');
  }
  if (signer !== undefined && (signer.length === 0 || signer.length > SIGNER_BYTES_MAX)) {
    throw invalid(`options.signer must have 1 to ${SIGNER_BYTES_MAX} bytes`);
  }
  if (peers === undefined) return { asIs, floors: new Map(floors ?? []), open: parts, signer };
  const proven = await peerFloors(location, model, { validators: peers.validators, signer });
  const missing = parts?.find((part) => proven.pending.has(part));
  if (missing !== undefined) throw invalid(`${missing} cannot be opened yet: ${proven.pending.get(missing)}`);
  return { asIs, signer, ...proven, open: parts ?? proven.open };
}

/** The votes after a decision. Pure. @throws LANESTORE_INVALID. */
export function released(
  model: Pick<VoteModel<unknown, never, unknown>, 'logs'> | undefined,
  { votes, lanes }: { readonly votes: StoredVotes; readonly lanes: Iterable<LaneId> },
  { asIs, floors, open, signer, pending }: Decision,
): StoredVotes {
  const { quarantine } = votes;
  if (model === undefined) throw invalid('the model of this store has no votes');
  if (quarantine?.heir !== undefined)
    throw invalid('the store handed its votes to another one, which signs in its place');
  const own = votes.signer ?? signer;
  if (own === undefined)
    throw invalid('no key is bound to the store: options.signer must name the one whose state it is');
  if (signer !== undefined && Buffer.compare(signer, own) !== 0) throw invalid('the store is bound to another key');
  const closed = closedParts(votes);
  const opened = open ?? closed;
  if (pending !== undefined && closed.length === 0) throw invalid('no part of its votes is closed');
  if (!asIs && pending === undefined) checkEnough(model.logs, floors, opened, [...lanes, ...votes.laneFloors.keys()]);
  else if (asIs && closed.length === 0) throw invalid('no part of its votes is closed');
  else if (asIs && quarantine?.lost === true) throw invalid(`this is not the last state of its key: ${quarantine.why}`);
  const left = closed.filter((part) => !opened.includes(part));
  const raised = raisedTo(model.logs, votes, floors);
  const { why = NO_KEY, when = new Date().toISOString(), ...rest } = quarantine ?? {};
  return {
    ...votes,
    ...raised,
    signer: own,
    quarantine: left.length === 0 ? undefined : { ...rest, parts: left, why, when },
  };
}

const NO_KEY = 'no key was bound to the store';

/** Without a key all parts are closed; with one, those that a quarantine names. */
function closedParts({ signer, quarantine }: StoredVotes): readonly VotePart[] {
  return signer === undefined ? VOTE_PARTS : (quarantine?.parts ?? []);
}

/** Lanes that an error names. */
const LANES_NAMED = 4;

/** Floors by hand must cover all of what they open. */
function checkEnough(
  logs: VoteModel<unknown, never, unknown>['logs'],
  floors: Decision['floors'],
  opened: readonly VotePart[],
  lanes: readonly LaneId[],
): void {
  if (opened.includes('own')) {
    throw invalid(
      'no floor by hand opens the own lane: blocks above it may be out there. asIs does, or peers, or a new key',
    );
  }
  for (const [log, { part }] of Object.entries(logs)) {
    if (opened.includes(part) && !floors.has(log))
      throw invalid(`${part} can only be opened with a floor of log ${log}`);
  }
  if (!opened.includes('lanes')) return;
  const missing = lanes.filter((lane) => !floors.has(lane));
  if (missing.length === 0 && [...floors.keys()].some(isLaneId)) return;
  const named = missing.length === 0 ? '' : `; missing: ${missing.slice(0, LANES_NAMED).join(', ')}`;
  throw invalid(`lanes can only be opened with a floor of every lane that the key may have voted in${named}`);
}

function raisedTo(
  logs: VoteModel<unknown, never, unknown>['logs'],
  votes: StoredVotes,
  floors: Decision['floors'],
): Pick<StoredVotes, 'logs' | 'laneFloors'> {
  const raised = new Map(votes.logs);
  const laneFloors = new Map(votes.laneFloors);
  for (const [name, floor] of floors) {
    if (typeof floor === 'bigint') {
      if (!isLaneId(name)) throw invalid(`the floor ${name} is a number, and no lane has that id`);
      if (!isU64(floor)) throw invalid(`the floor of lane ${name} is no block number`);
      const before = laneFloors.get(name);
      if (before !== undefined && floor < before) throw below(name, `${floor}`, `${before}`);
      laneFloors.set(name, floor);
      continue;
    }
    const log = Object.hasOwn(logs, name) ? logs[name] : undefined;
    if (log === undefined) throw invalid(`there is no log ${name}; the logs are ${Object.keys(logs).join(', ')}`);
    if (!Array.isArray(floor) || floor.length !== log.arity || !floor.every(isU64)) {
      throw invalid(`the floor of log ${name} must be ${log.arity} unsigned 64-bit numbers`);
    }
    const { watermark, floor: before } = raised.get(name) ?? { watermark: undefined, floor: undefined };
    for (const least of [watermark?.at, before]) {
      if (least !== undefined && comparePositions(floor, least) < 0) throw below(name, `(${floor})`, `(${least})`);
    }
    raised.set(name, { watermark, floor: [...floor] });
  }
  return { logs: raised, laneFloors };
}

function below(name: string, floor: string, least: string): LanestoreError {
  return invalid(`the floor ${floor} of ${name} is below ${least}, which the store keeps itself`);
}

function reportOf(
  location: string,
  seq: bigint,
  before: StoredVotes,
  after: StoredVotes,
  { pending }: Decision,
): ReleaseReport {
  const { quarantine, logs, laneFloors, signer } = after;
  const closed = quarantine?.parts ?? [];
  return {
    location,
    seq,
    ...(before.quarantine === undefined ? {} : { why: before.quarantine.why }),
    signer: signer as Uint8Array,
    opened: closedParts(before).filter((part) => !closed.includes(part)),
    closed,
    logs,
    laneFloors,
    ...(pending === undefined ? {} : { pending }),
  };
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `releaseStore: ${what}`, {
    remedy: 'nothing was changed; see docs/signing-safety.md',
  });
}
