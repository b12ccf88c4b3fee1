/**
 * Every public function with options is called with an unknown name, and with each option of a
 * wrong type and out of range: a TypeError or LANESTORE_INVALID that names the function and the
 * option, and no effect. The samples are typed by the options, so a new option without a sample
 * does not compile.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MemoryLevel } from 'memory-level';
import { Registry } from 'prom-client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CompactOptions,
  compactStore,
  entriesBelow,
  keyVersions,
  levelMap,
} from '../../src/adapter/level/index.js';
import { openPostgresView, verifyPostgres } from '../../src/adapter/postgres/index.js';
import { ABFile, type ABFileOptions, IndexedWal, type IndexedWalOptions } from '../../src/adapter/wal/index.js';
import { casesFor, conformance, type Features, type Subject } from '../../src/conformance/index.js';
import {
  type AvailOptions,
  autobahn,
  Committee,
  Committees,
  type CommitteeTerm,
  type DatabaseOptions,
  type EntryChecks,
  type Epoch,
  entryChecks,
  exportHistory,
  exportState,
  type FileWitnessOptions,
  type ForgetSinksOptions,
  fileWitness,
  forgetSinks,
  type GuardOptions,
  type HandoverOptions,
  type HandoverRequest,
  type HistoryOptions,
  type HttpWitnessOptions,
  handover,
  handoverRequest,
  httpWitness,
  type ImportHistoryOptions,
  importFromSinks,
  importHistory,
  importState,
  isLanestoreError,
  type LevelOptions,
  type LocationOptions,
  type MigrateStoreOptions,
  type MigrationOptions,
  migrateStore,
  type NoopOptions,
  openAvail,
  openGuard,
  openLevel,
  openNoop,
  openView,
  openWal,
  openWitnessServer,
  type PreflightOptions,
  parseHistory,
  preflight,
  type ReadRange,
  type ReleaseOptions,
  readWal,
  releaseStore,
  type SigningHistory,
  type SinkImportOptions,
  type SnapshotOptions,
  snapshot,
  type ValueOptions,
  type VerifyOptions,
  type ViewOptions,
  type ViewRange,
  verify,
  type WalOptions,
  type WitnessServerOptions,
} from '../../src/index.js';
import type { KeyRange } from '../../src/keys/index.js';
import { openSource, openState } from '../../src/migrations/index.js';
import { collectPrometheus } from '../../src/prometheus/index.js';
import { textCodec } from '../adapter/wal/text-log.js';
import { memorySubject, plainTypes } from '../conformance/subjects.js';
import { ToyDisk, ToyStore } from '../conformance/toy-store.js';
import { three } from '../guard/sinks/memory.js';
import { packageRoot } from '../support/fixtures.js';
import { plain, plainBlocks } from '../support/plain-model.js';
import { withTemp } from '../support/temp.js';

const test = suite('options of every public function');

/** Sample values of one option. */
interface Sample {
  /** The option is required. */
  readonly required?: true;
  readonly wrong: readonly unknown[];
  readonly invalid?: readonly unknown[];
  /** The fields of an option that is an object. */
  readonly fields?: Samples<unknown>;
}

type Samples<O> = { readonly [Name in keyof Required<O>]: Sample };

const text: Sample = { wrong: [1, null, ['x'], {}] };
const flag: Sample = { wrong: [0, 1, 'false', 'snappy', null, []] };
const call: Sample = { wrong: ['f', 1, null, {}] };
const port: Sample = { wrong: [{}, 'x', null, 1] };
const data: Sample = { wrong: ['00', [0], new ArrayBuffer(1), null] };
const number: Sample = {
  wrong: ['1', 1n, null, true, [1]],
  invalid: [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY],
};
const fromZero: Sample = { ...number, invalid: [-1, 1.5, Number.NaN] };
const u64: Sample = { wrong: [1, '1', null], invalid: [-1n, 2n ** 64n] };
const model: Sample = {
  required: true,
  wrong: [null, 'autobahn', {}, { ...plain, block: {} }, { ...plain, name: 5 }, { ...plain, inner: {} }],
};
const range = (least: number, most: number): Sample => ({
  ...number,
  invalid: [-1, 0.5, least - 1, most + 1, 2 ** 32],
});

const CHECKS: Samples<EntryChecks<unknown, unknown, unknown>> = {
  block: call,
  commitQC: call,
  anchor: call,
  row: call,
  inner: call,
};
const checks: Sample = { wrong: [null, 5, [], new Map()], fields: CHECKS };

const LEVEL: Samples<LevelOptions> = {
  writeBufferBytes: range(64 * 1024, 2 ** 30),
  tableFileBytes: range(2 ** 20, 2 ** 30),
  blockBytes: range(1024, 2 ** 22),
  cacheBytes: range(0, 2 ** 31),
  compression: flag,
};

const VALUES: Samples<ValueOptions> = {
  batchBytesMin: number,
  valueBytesMin: number,
  fileBytes: { ...number, invalid: [0, 5000, 2 ** 33] },
  waitBytesMin: number,
  portionBytesMin: number,
  files: port,
};

const LIMITS = { maxRoundBytes: number, maxQueuedBytes: number, maxRecordBytes: number };
const PLAN_LIMITS = { maxInnerBytes: number, maxLanes: number, maxRoundEntries: number };
const STORE = { model, ...LIMITS, ...PLAN_LIMITS, maxMergeBytes: number, maxBatchDeletes: number, load: flag };

const LOCATION: Samples<LocationOptions<unknown, unknown, unknown>> = {
  ...STORE,
  createIfMissing: flag,
  level: { wrong: [null, true, 'snappy', []], fields: LEVEL },
  minFreeBytes: fromZero,
  files: port,
  reads: port,
  freeSpace: port,
  tableCheckBytesMax: fromZero,
  acceptRollback: { wrong: [null, 5, {}, true], fields: { seq: { ...u64, required: true } } as Samples<unknown> },
  values: { wrong: [null, 5, 'true', []], fields: VALUES },
};

const DATABASE: Samples<DatabaseOptions<unknown, unknown, unknown>> = {
  ...STORE,
  db: { ...port, wrong: [{}, { get: 1 }] },
  durable: flag,
};

const NOOP: Samples<NoopOptions<unknown, unknown, unknown>> = { model, ...PLAN_LIMITS };

const encoding: Sample = { wrong: [1, null, true], invalid: ['json', ''] };

const WAL: Samples<WalOptions<unknown, unknown, unknown>> = {
  model,
  ...LIMITS,
  ...PLAN_LIMITS,
  directorySync: flag,
  load: flag,
  createIfMissing: flag,
  encoding,
  segmentBytes: number,
  openFilesMax: number,
  files: port,
};

const AB_FILE: Samples<ABFileOptions> = { encoding, lazy: flag, files: port };

const LOG: Samples<IndexedWalOptions> = {
  tornDirectory: { ...text, required: true },
  label: text,
  directorySync: flag,
  segmentBytes: number,
  pool: port,
  reserve: port,
  files: port,
};

const VIEW: Samples<ViewOptions<unknown, unknown, unknown>> = {
  model,
  directory: text,
  tableCheckBytesMax: fromZero,
  examine: flag,
  values: flag,
  isProbed: flag,
};

const VERIFY: Samples<VerifyOptions<unknown, unknown, unknown>> = {
  model,
  directory: text,
  examine: flag,
  values: flag,
  checks,
  onProgress: call,
};
const SNAPSHOT: Samples<SnapshotOptions<unknown, unknown, unknown>> = { model, links: flag };
const RELEASE: Samples<ReleaseOptions<unknown, unknown, unknown>> = {
  model,
  reason: { ...text, required: true, invalid: ['', 'x'.repeat(1025)] },
  asIs: flag,
  floors: { wrong: [{}, [], 'commit=1', null] },
  peers: { wrong: [{}, [], 'all', null, { validators: 1 }, { validators: ['ab'] }] },
  open: { wrong: [1, null, {}] },
  signer: data,
  seq: u64,
  dryRun: flag,
};
const NETWORK: Sample = { ...text, required: true, invalid: ['', 'a b', 'x'.repeat(129)] };
const REQUEST: Samples<HandoverRequest> = {
  store: { wrong: ['ab', null], invalid: [new Uint8Array(15)], required: true },
  seq: { ...u64, required: true },
};
const HISTORY: Samples<HistoryOptions<unknown, unknown, unknown>> = { model, network: NETWORK };
const HANDOVER: Samples<HandoverOptions<unknown, unknown, unknown>> = {
  ...HISTORY,
  to: { wrong: [null, 5, 'ab@1'], fields: REQUEST, required: true },
  dryRun: flag,
};
const IMPORT_HISTORY: Samples<ImportHistoryOptions<unknown, unknown, unknown>> = {
  ...HISTORY,
  history: { wrong: [null, 5, '{}', {}], required: true },
  seq: u64,
  dryRun: flag,
};
const REQUEST_OPTIONS: Samples<Pick<HistoryOptions<unknown, unknown, unknown>, 'model'>> = { model };

/** A history that fits the stores here. */
function plainHistory(): SigningHistory {
  const { file } = JSON.parse(readFileSync(join(packageRoot, 'docs/signing-history/vectors.json'), 'utf8')).accept[0];
  return { ...parseHistory(JSON.stringify(file)), model: 'plain/1', network: 'test' };
}

/** No key is bound to the stores here: options that are right end with that. */
async function keyless(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!(isLanestoreError(error, 'LANESTORE_INVALID') && /no key is bound/.test(error.message))) throw error;
  });
}

const PREFLIGHT: Samples<PreflightOptions> = {
  witness: data,
  tableCheckBytesMax: fromZero,
  findingsMax: number,
  reads: port,
  onRead: call,
  refuseIfInUse: call,
};

const MIGRATION: Samples<MigrationOptions<unknown, unknown, unknown>> = {
  model,
  checks: { ...checks, required: true },
  dropSigningState: flag,
  onProgress: call,
  segmentBytes: number,
};

const STEPS: Samples<MigrateStoreOptions<unknown, unknown, unknown>> = {
  model,
  checks: { ...checks, required: true },
  dryRun: flag,
  onProgress: call,
};

const committee: Sample = { required: true, wrong: [null, {}, 'x', [new Uint8Array(32)]] };

const AVAIL: Samples<AvailOptions> = {
  store: { ...port, required: true },
  committee,
  guard: port,
  secret: data,
  announce: { wrong: [true, null], invalid: ['later'] },
  verifyLoaded: flag,
  maxRoundBytes: number,
  maxRoundEntries: number,
  maxRounds: number,
};

type AnyGuardOptions = GuardOptions<unknown, unknown, unknown>;

const GUARD: Samples<AnyGuardOptions> = {
  store: { required: true, wrong: [5, 'store', {}, new Map()] },
  model: { required: true, wrong: [5, null, {}, { ...plain, votes: undefined }] },
  key: data,
  sign: call,
  signer: data,
  firstUse: flag,
  signMsMax: number,
  sinks: { wrong: ['x', {}, new Set(), [{}], [1]], invalid: [[]] },
  network: { ...text, invalid: ['', 'a b', 'x'.repeat(129)] },
  mode: { wrong: [true, null], invalid: ['during'] },
  quorum: number,
  sinkMsMax: { ...number, invalid: [...(number.invalid ?? []), 2 ** 31] },
  changeSinks: flag,
  formerSinks: { wrong: ['x', {}, [{}]], invalid: [[]] },
};

const sinkName: Sample = { ...text, invalid: ['', 'a b', 'x'.repeat(257)] };
const FILE_WITNESS: Samples<FileWitnessOptions> = { name: sinkName, files: port };
const HTTP_WITNESS: Samples<HttpWitnessOptions> = {
  url: { ...text, required: true, invalid: ['x', 'ftp://x', 'http://u:p@x', 'http://x/?q'] },
  token: { ...text, required: true, invalid: ['', 'short', 'sixteen chars but spaces'] },
  name: sinkName,
};
const WITNESS_SERVER: Samples<WitnessServerOptions> = {
  directory: { ...text, required: true, invalid: [''] },
  token: { ...text, required: true, invalid: ['', 'short'] },
  host: text,
  port: { ...number, required: true, invalid: [-1, 0.5, 65_536] },
  names: { wrong: [1, 'a', {}] },
  files: port,
};
const SINK_IMPORT: Samples<SinkImportOptions<unknown, unknown, unknown>> = {
  model,
  network: { ...text, required: true, invalid: ['', 'a b'] },
  sinks: { required: true, wrong: ['x', {}, [{}]], invalid: [[]] },
  signer: data,
  sinkMsMax: number,
  seq: u64,
  dryRun: flag,
};
const COMPACT: Samples<CompactOptions<unknown, unknown, unknown>> = { model, dryRun: flag };

const FORGET_SINKS: Samples<ForgetSinksOptions<unknown, unknown, unknown>> = {
  model,
  reason: { ...text, required: true, invalid: ['', 'x'.repeat(1025)] },
  seq: u64,
  dryRun: flag,
};

/** The stores here have no key and no sinks: options that are right end with that. */
async function sinkless(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    const isRight = /know nothing of this key|records no sinks/.test((error as Error).message);
    if (!(isLanestoreError(error, 'LANESTORE_INVALID') && isRight)) throw error;
  });
}

const EPOCH: Samples<Epoch> = {
  committee,
  firstRoad: { ...u64, required: true },
  baselines: { wrong: [null, {}, [], new Set()] },
};

const TERM: Samples<CommitteeTerm> = { from: { ...u64, required: true }, committee };
const READ_RANGE: Samples<ReadRange> = { from: u64, to: u64 };
const VIEW_RANGE: Samples<ViewRange> = { ...READ_RANGE, stale: flag };
const KEY_RANGE: Samples<KeyRange> = { gte: text, lt: text };

const needed: Sample = { ...flag, required: true };

const FEATURES: Samples<Features> = {
  durable: needed,
  atomicRounds: needed,
  totalOrder: needed,
  remembersEmptyCursors: needed,
  exclusive: needed,
  skipsLoading: needed,
  limits: needed,
  planLimits: needed,
  votes: needed,
  disagreeingAnchors: flag,
  lose: flag,
  storeAnchorOnly: flag,
  refuseWrites: flag,
};

const SUBJECT: Samples<Pick<Subject<unknown, unknown, unknown>, 'features' | 'place'>> = {
  features: { required: true, wrong: [null, 5, 'all'], fields: FEATURES },
  place: { ...call, required: true },
};

/** Paths and objects that all calls share; no call changes them. */
interface Ground {
  /** A store that is closed. */
  readonly location: string;
  /** A state directory. */
  readonly wal: string;
  /** A free name. */
  readonly free: string;
  readonly dir: string;
}

interface Target {
  /** The beginning of the message. */
  readonly name: string;
  readonly samples: Samples<unknown>;
  /** Valid options. */
  valid(ground: Ground): object | Promise<object>;
  /** Makes the call. A result with a `close` method is closed. */
  call(options: never, ground: Ground): unknown;
}

const keys = new Committee([new Uint8Array(32).fill(1)]);
const anything = { model: plain, checks: {} };

/** Runs `use` with an open resource, and closes it. */
async function using<T extends { close(): Promise<void> }>(open: Promise<T>, use: (it: T) => unknown): Promise<void> {
  const it = await open;
  try {
    await use(it);
  } finally {
    await it.close();
  }
}

const openStore = ({ location }: Ground) => openLevel(location, { model: plain });
const openCopy = ({ location }: Ground) => openView(location, { model: plain });

/** One entry per function, by its exported name. */
const TARGETS: Readonly<Record<string, Target>> = {
  'openLevel, a location': {
    name: 'openLevel: options',
    samples: LOCATION,
    valid: () => ({ model: plain }),
    call: (options, { free }) => openLevel(free, options),
  },
  'openLevel, a database': {
    name: 'openLevel: options',
    samples: DATABASE,
    valid: () => ({ db: new MemoryLevel(), model: plain }),
    call: (options) => openLevel(options),
  },
  openNoop: {
    name: 'openNoop: options',
    samples: NOOP,
    valid: () => ({ model: plain }),
    call: (options) => openNoop(options),
  },
  openWal: {
    name: 'openWal: options',
    samples: WAL,
    valid: () => ({ model: plain }),
    call: (options, { free }) => openWal(free, options),
  },
  readWal: {
    name: 'readWal: options',
    samples: { model } satisfies Samples<Parameters<typeof readWal>[1]>,
    valid: () => ({ model: plain }),
    call: (options, { wal }) => readWal(wal, options),
  },
  ABFile: {
    name: 'ABFile.open: options',
    samples: AB_FILE,
    valid: () => ({}),
    call: (options, { wal }) => ABFile.open(wal, 'other', options),
  },
  IndexedWal: {
    name: 'IndexedWal.open: options',
    samples: LOG,
    valid: ({ dir }) => ({ tornDirectory: join(dir, 'torn') }),
    call: (options, { free }) => IndexedWal.open(free, textCodec, options),
  },
  openView: {
    name: 'openView: options',
    samples: VIEW,
    valid: () => ({ model: plain }),
    call: (options, { location }) => openView(location, options),
  },
  verify: {
    name: 'verify: options',
    samples: VERIFY,
    valid: () => ({ model: plain }),
    call: (options, { location }) => verify(location, options),
  },
  releaseStore: {
    name: 'releaseStore: options',
    samples: RELEASE,
    valid: () => ({ model: plain, reason: 'r', asIs: true, signer: new Uint8Array(32), dryRun: true }),
    call: (options, { location }) => releaseStore(location, options),
  },
  exportHistory: {
    name: 'exportHistory: options',
    samples: HISTORY,
    valid: () => ({ model: plain, network: 'test' }),
    call: (options, { location }) => keyless(exportHistory(location, options)),
  },
  handoverRequest: {
    name: 'handoverRequest: options',
    samples: REQUEST_OPTIONS,
    valid: () => ({ model: plain }),
    call: (options, { location }) => handoverRequest(location, options),
  },
  handover: {
    name: 'handover: options',
    samples: HANDOVER,
    valid: () => ({ model: plain, network: 'test', to: { store: new Uint8Array(16), seq: 0n }, dryRun: true }),
    call: (options, { location }) => keyless(handover(location, options)),
  },
  importHistory: {
    name: 'importHistory: options',
    samples: IMPORT_HISTORY,
    valid: () => ({ model: plain, network: 'test', history: plainHistory(), dryRun: true }),
    call: (options, { location }) => importHistory(location, options),
  },
  importFromSinks: {
    name: 'importFromSinks: options',
    samples: SINK_IMPORT,
    valid: () => ({ model: plain, network: 'test', sinks: three(), signer: new Uint8Array(32), dryRun: true }),
    call: (options, { location }) => sinkless(importFromSinks(location, options)),
  },
  compactStore: {
    name: 'compactStore: options',
    samples: COMPACT,
    valid: () => ({ model: plain, dryRun: true }),
    call: (options, { location }) => compactStore(location, options),
  },
  forgetSinks: {
    name: 'forgetSinks: options',
    samples: FORGET_SINKS,
    valid: () => ({ model: plain, reason: 'r', dryRun: true }),
    call: (options, { location }) => sinkless(forgetSinks(location, options)),
  },
  fileWitness: {
    name: 'fileWitness: options',
    samples: FILE_WITNESS,
    valid: () => ({}),
    call: (options, { free }) => fileWitness(free, options),
  },
  httpWitness: {
    name: 'httpWitness: options',
    samples: HTTP_WITNESS,
    valid: () => ({ url: 'http://127.0.0.1', token: 'sixteen-characters' }),
    call: (options) => httpWitness(options),
  },
  openWitnessServer: {
    name: 'openWitnessServer: options',
    samples: WITNESS_SERVER,
    valid: ({ free }) => ({ directory: free, token: 'sixteen-characters', port: 0 }),
    call: (options) => openWitnessServer(options),
  },
  snapshot: {
    name: 'snapshot: options',
    samples: SNAPSHOT,
    valid: () => ({ model: plain }),
    call: (options, { location, free }) => snapshot(location, free, options),
  },
  preflight: {
    name: 'preflight: options',
    samples: PREFLIGHT,
    valid: ({ location }) => ({ witness: new Uint8Array(readFileSync(join(location, 'witness'))) }),
    call: (options, { location }) => preflight(join(location, 'level'), options),
  },
  importState: {
    name: 'importState: options',
    samples: MIGRATION,
    valid: () => anything,
    call: (options, { wal, free }) => importState(wal, free, options),
  },
  exportState: {
    name: 'exportState: options',
    samples: MIGRATION,
    valid: () => anything,
    call: (options, { location, free }) => exportState(location, free, 'wal', options),
  },
  migrateStore: {
    name: 'migrateStore: options',
    samples: STEPS,
    valid: () => anything,
    call: (options, { location }) => migrateStore(location, options),
  },
  openAvail: {
    name: 'openAvail: options',
    samples: AVAIL,
    valid: async () => ({ store: await openNoop({ model: autobahn }), committee: keys }),
    call: (options) => openAvail(options),
  },
  openGuard: {
    name: 'openGuard: options',
    samples: GUARD as Samples<unknown>,
    valid: () => ({ store: new ToyStore(new ToyDisk(), {}), model: plain, key: new Uint8Array(32) }),
    call: (options) => openGuard(options),
  },
  'openAvail, epochs': {
    name: 'openAvail: options.committee[0]',
    samples: EPOCH,
    valid: () => ({ committee: keys, firstRoad: 0n }),
    call: async (epoch) => openAvail({ store: await openNoop({ model: autobahn }), committee: [epoch] }),
  },
  AvailState: {
    name: 'changeCommittee: epoch',
    samples: EPOCH,
    valid: () => ({ committee: keys, firstRoad: 5n }),
    call: async (epoch) => {
      const store = await openNoop({ model: autobahn });
      await using(openAvail({ store, committee: keys }), (state) => state.changeCommittee(epoch));
    },
  },
  Committees: {
    name: 'Committees: terms[0]',
    samples: TERM,
    valid: () => ({ from: 0n, committee: keys }),
    call: (term) => new Committees([term]),
  },
  'LevelStore, readBlocks': {
    name: 'readBlocks: range',
    samples: READ_RANGE,
    valid: () => ({}),
    call: (range, ground) => using(openStore(ground), (store) => drain(store.readBlocks('0a', range))),
  },
  'LevelStore, readCommitQCs': {
    name: 'readCommitQCs: range',
    samples: READ_RANGE,
    valid: () => ({}),
    call: (range, ground) => using(openStore(ground), (store) => drain(store.readCommitQCs(range))),
  },
  'StoreView, blocks': {
    name: 'blocks: range',
    samples: VIEW_RANGE,
    valid: () => ({}),
    call: (range, ground) => using(openCopy(ground), (view) => drain(view.blocks('0a', range))),
  },
  'StoreView, commitQCs': {
    name: 'commitQCs: range',
    samples: VIEW_RANGE,
    valid: () => ({}),
    call: (range, ground) => using(openCopy(ground), (view) => drain(view.commitQCs(range))),
  },
  'StoreView, entries': {
    name: 'entries: range',
    samples: KEY_RANGE,
    valid: () => ({}),
    call: (range, ground) => using(openCopy(ground), (view) => drain(view.entries(range))),
  },
  'StoreView, places': {
    name: 'places: range',
    samples: KEY_RANGE,
    valid: () => ({}),
    call: (range, ground) => using(openCopy(ground), (view) => drain(view.places(range))),
  },
  casesFor: {
    name: 'subject',
    samples: SUBJECT as Samples<unknown>,
    valid: () => memorySubject(plainTypes),
    call: (subject) => casesFor(subject),
  },
};

/**
 * Public functions and classes without options; their arguments are checked where they are tested.
 */
const WITHOUT: readonly string[] = [
  // Checked in test/guard/sinks/server.test.ts: its connection is any object.
  'postgresWitness',
  'checkPut',
  // PostgreSQL's: checked in test/adapter/postgres/refusals.test.ts, without a server as well.
  ...['PostgresFailure', 'PostgresLevel', 'PostgresStore', 'openPostgres', 'openPostgresView', 'verifyPostgres'],
  // Checked in test/cli/postgres-votes.long.test.ts.
  'postgresLocation',
  ...['LevelStore', 'WalStore', 'LanestoreError', 'Committee', 'Guard', 'isLanestoreError'],
  ...[
    'advance',
    'laneOfHex',
    'removePrivateCopies',
    'startState',
    'anchorPoint',
    'checkedEntries',
    'emptyState',
    'isNoop',
    'entriesBelow',
    'keyVersions',
    'levelMap',
    'withLaneFloors',
    'withQuarantine',
    'formatHistory',
    'parseHistory',
    'decodeRecord',
    'decodeReference',
    'isReference',
    'parseTip',
    'isFault',
    'readSchema',
    'viewSource',
  ],
  ...['blockKey', 'blockRange', 'commitQCKey', 'commitQCRange', 'eventKey', 'laneRange', 'prefixRange', 'parseKey'],
  ...['entryNumber', 'isEntryNumber', 'isU64', 'maxU64', 'minU64', 'padU64', 'parsePaddedU64', 'u64'],
  ...['isLaneId', 'laneBytes', 'laneId', 'laneIdOf', 'remembered'],
  ...['compareStates', 'detectLayout', 'diffStates', 'openSource', 'openState', 'readCommittees'],
  ...['entryChecks', 'faulty', 'globalRange', 'headerHash', 'laneQuorum', 'laneRangeOf', 'messageHash', 'payloadHash'],
  ...[
    'publicKeyOf',
    'quorum',
    'sign',
    'signBlock',
    'verifySignature',
    'verifyAnchor',
    'verifyAppProposal',
    'verifyAppQC',
  ],
  ...['verifyChain', 'verifyCommitQC', 'verifyFullCommitQC', 'verifyLaneQC', 'verifyOrdered', 'verifyPrepareQC'],
  ...['verifySignedBlock', 'verifySignedMsg', 'formatTimestamp', 'manifestChunks', 'manifestOf', 'stateOfView'],
  ...['Epochs', 'closesLane', 'faultyWeight', 'isFullRow', 'laneOf', 'laneParts', 'readEpochs', 'verifyHeaders'],
  ...['verifyPayload', 'verifyRow', 'verifySigned', 'verifyState'],
  ...['collectPrometheus', 'collectOpenTelemetry', 'decodeReference', 'isReference'],
  // For third-party backends, which check what they are given.
  ...['BasePersistence', 'AdmissionGate', 'admissionLimits', 'fireHooks', 'freeOfCost'],
  // Takes what casesFor takes, and the function to register with.
  'conformance',
];

async function drain(entries: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of entries);
}

/** The outcome of a call: the error, or that it was accepted; what it opened is closed. */
async function outcome(target: Target, options: unknown, ground: Ground): Promise<unknown> {
  try {
    const result = (await target.call(options as never, ground)) as { close?(): Promise<void> } | undefined;
    await result?.close?.();
  } catch (error) {
    return error;
  }
  return 'accepted';
}

/**
 * Each mistake of an options object, and the expected message; `at` is the path of a nested object.
 */
function* mistakes(target: Target, valid: object): Generator<{ options: unknown; code?: string; says: string }> {
  for (const options of [
    null,
    5,
    'x',
    [],
    [valid],
    Promise.resolve(valid),
    new Map(Object.entries(valid)),
    () => valid,
  ]) {
    yield { options, says: target.name.replace(/: options$/, '') };
  }
  yield* mistakesIn(target.samples, valid, target.name, (options) => options);
}

function* mistakesIn(
  samples: Samples<unknown>,
  valid: object,
  name: string,
  inside: (options: object) => object,
): Generator<{ options: unknown; code?: string; says: string }> {
  for (const [option, sample] of Object.entries<Sample>(samples)) {
    const place = `${name}.${option}`;
    const having = (value: unknown) => inside({ ...valid, [option]: value });
    const misspelt = `${option.slice(0, -2)}${option.slice(-1)}`;
    yield { options: inside({ ...valid, [misspelt]: 1 }), says: `${name}.${misspelt}` };
    if (sample.required) yield { options: having(undefined), says: place };
    for (const value of [...sample.wrong, Promise.resolve(1)]) yield { options: having(value), says: place };
    for (const value of sample.invalid ?? []) yield { options: having(value), code: 'LANESTORE_INVALID', says: place };
    if (sample.fields === undefined) continue;
    const given = (valid as Record<string, object | undefined>)[option] ?? {};
    yield* mistakesIn(sample.fields, given, place, having);
  }
}

for (const [title, target] of Object.entries(TARGETS)) {
  test(`${title}: an unknown name, a wrong type, a value out of range`, () =>
    withTemp(async (dir) => {
      const ground = { location: join(dir, 'store'), wal: join(dir, 'wal'), free: join(dir, 'free'), dir };
      const content = { commitQCs: [{ index: 0n, starts: [] }], blocks: plainBlocks('0a', 0, 3) };
      await using(openLevel(ground.location, { model: plain }), (store) => store.persist(content));
      await using(openWal(ground.wal, { model: plain }), (store) => store.persist(content));
      const valid = await target.valid(ground);
      const wrong: string[] = [];
      let count = 0;
      for (const { options, code, says } of mistakes(target, valid)) {
        const error = await outcome(target, options, ground);
        const isRight =
          code === undefined ? error instanceof TypeError : isLanestoreError(error) && error.code === code;
        count++;
        if (!isRight || !(error as Error).message.startsWith(says)) wrong.push(`${says}: ${error}`);
        assert.not.ok(existsSync(ground.free), `${says}: a file was made`);
      }
      assert.equal(wrong, []);
      assert.ok(count > 10, 'the mistakes were made');
      const names = Object.keys(target.samples).map((name) => [name, undefined] as const);
      const absent = { ...Object.fromEntries(names), ...valid };
      assert.is(await outcome(target, absent, ground), 'accepted', 'undefined counts as absent');
    }));
}

test('a sound store is not reported as damaged because of a wrong option', () =>
  withTemp(async (dir) => {
    await using(openLevel(dir, { model: plain }), (store) => store.persist({ blocks: plainBlocks('0a', 0, 3) }));
    for (const compression of ['snappy', 'none', 2, 'false']) {
      const error = await openLevel(dir, { model: plain, level: { compression } as never }).catch((thrown) => thrown);
      assert.ok(error instanceof TypeError, `${compression}: ${error}`);
    }
    await using(openLevel(dir, { model: plain }), (store) => assert.is(store.recovery.records, 4));
  }));

test('every public function is in the list above, or takes no options', async () => {
  const { exports } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    exports: Record<string, { default?: string } | string>;
  };
  const found = new Set<string>();
  for (const target of Object.values(exports)) {
    if (typeof target === 'string' || target.default === undefined) continue;
    const built = target.default.replace('./dist/', '.build/src/');
    const names = (await import(pathToFileURL(join(packageRoot, built)).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(names)) if (typeof value === 'function') found.add(name);
  }
  const known = new Set([...Object.keys(TARGETS).map((title) => title.replace(/,.*/, '')), ...WITHOUT]);
  assert.equal([...found].filter((name) => !known.has(name)).sort(), [], 'add it to TARGETS, or to WITHOUT');
});

test('other arguments: a TypeError that names them', async () => {
  const any = (value: unknown) => value as never;
  for (const [says, call] of [
    ['openLevel', () => openLevel(any({ db: new MemoryLevel(), model: plain }), any({ maxLanes: 1 }))],
    ['openLevel', () => openLevel(any(5), any({ model: plain }))],
    ['openWal: directory', () => openWal(any(5), { model: plain })],
    ['readWal: directory', () => readWal(any(5), { model: plain })],
    ['openView: location', () => openView(any(5), { model: plain })],
    ['verify: location', () => verify(any(undefined), { model: plain })],
    ['openPostgresView: options', () => openPostgresView(any(undefined))],
    [
      'openPostgresView: options.checks',
      () => openPostgresView(any({ connection: 'postgres://h/x', model: plain, checks: {} })),
    ],
    ['verifyPostgres: options', () => verifyPostgres(any(undefined))],
    [
      'verifyPostgres: options.checks',
      () => verifyPostgres(any({ connection: 'postgres://h/x', model: plain, checks: 5 })),
    ],
    ['snapshot: target', () => snapshot('x', any(5), { model: plain })],
    ['preflight: directory', () => preflight(any(5))],
    ['levelMap: directory', () => levelMap(any(5))],
    ['entriesBelow: directory', () => entriesBelow(any(5))],
    ['keyVersions: directory', () => keyVersions(any(5), 'anchor')],
    ['keyVersions: key', () => keyVersions('level', any(5))],
    ['importState: source', () => importState(any(5), 'x', anything)],
    ['importState: target', () => importState('x', any(5), anything)],
    ['exportState: layout', () => exportState('x', 'y', any(5), anything)],
    ['migrateStore: location', () => migrateStore(any(5), anything)],
    ['openState: directory', () => openState(any(5), plain)],
    ['openSource: model', () => openSource({ location: 'x', layout: 'wal', evidence: [] }, any({}))],
    ['entryChecks: committees', () => entryChecks(any([keys]))],
    ['entryChecks: committees', () => entryChecks(any(null))],
    ['collectPrometheus: registry', () => collectPrometheus(any({ registry: new Registry() }))],
    ['IndexedWal.open: codec', () => IndexedWal.open('x', any({ encode: String }), { tornDirectory: 'y' })],
    ['conformance: test', () => conformance({ ...memorySubject(plainTypes), test: any('test') })],
  ] as [string, () => unknown][]) {
    const error = await Promise.resolve()
      .then(call)
      .then(
        () => 'accepted',
        (thrown: unknown) => thrown,
      );
    assert.ok(error instanceof TypeError && error.message.startsWith(says), `${says}: ${error}`);
  }
  const layout = await exportState('x', 'y', any('tidwall'), anything).catch((error: unknown) => error);
  assert.ok(isLanestoreError(layout, 'LANESTORE_INVALID') && layout.message.startsWith('exportState: layout'));
});

test.run();
