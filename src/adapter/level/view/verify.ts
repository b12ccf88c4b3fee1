/**
 * Verifies a store offline and completely: every checksum of LevelDB's files, every record, every
 * value, the witness and, if given, the model's own checks. It reads a private copy, so a node may
 * run meanwhile.
 *
 * A damaged table can abort the process that reads it. So another process reads the whole database
 * first, whatever preflight found. This process opens the copy only if that succeeded; otherwise it
 * reads what could be salvaged.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { callback, fields, string } from '../../../base/options.js';
import type { Finding, LanestoreError } from '../../../errors.js';
import { isLanestoreError } from '../../../errors.js';
import { ANCHOR_KEY } from '../../../keys/index.js';
import type { EntryChecks } from '../../../model/checks.js';
import { checkEntryChecks } from '../../../model/option-checks.js';
import { FindingList } from '../../finding-list.js';
import { coded } from '../database.js';
import { LEVEL_DIR } from '../format/paths.js';
import { VIEW_CHECKS, type ViewOptions, viewOf } from './open-view.js';
import type { StoreView, ViewItem, WitnessView } from './store-view.js';

/** Options of {@link verify}. */
export interface VerifyOptions<B, Q, A> extends Omit<ViewOptions<B, Q, A>, 'tableCheckBytesMax' | 'isProbed'> {
  /**
   * Further checks of each live entry, beyond its integrity; for Autobahn,
   * `entryChecks(committees)`.
   */
  readonly checks?: EntryChecks<B, Q, A>;
  /** Called now and then, synchronously. An exception from it ends `verify` with that exception. */
  readonly onProgress?: (progress: VerifyProgress) => void;
}

/** How far {@link verify} is. */
export interface VerifyProgress {
  /**
   * `files`: bytes of LevelDB's files. `records`: live records against the tip. `checks`: entries
   * that the caller's checks were applied to.
   */
  readonly phase: 'files' | 'records' | 'checks';
  /** Bytes, records or entries so far. */
  readonly done: number;
  /** All of them. Records of a node that writes meanwhile can make `done` larger. */
  readonly total: number;
}

const checkVerifyOptions = fields<VerifyOptions<unknown, unknown, unknown>>({
  ...VIEW_CHECKS,
  checks: checkEntryChecks,
  onProgress: callback(),
});

/** The result of {@link verify}. */
export interface VerifyReport {
  /** The real path of the store. */
  readonly location: string;
  /** The newest batch; absent if the tip cannot be read. */
  readonly seq: bigint | undefined;
  readonly witness: WitnessView;
  /** Number of live records that were read. */
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** Number of entries that the caller's checks were applied to. */
  readonly checked: number;
  /** The findings that were kept: at most 100,000 of the store and 10,000 of `checks`. */
  readonly findings: readonly Finding[];
  /** Number of all findings. */
  readonly findingsTotal: number;
  /** Observations that are not damage; for a damaged database, how it was read. */
  readonly notes: readonly string[];
  /**
   * The error that a node would get at open; absent if the store would open. The caller's checks do
   * not change it.
   */
  readonly refusal: LanestoreError | undefined;
  /** Number of tries until the copy was consistent. */
  readonly tries: number;
}

/**
 * Checks the store in `location` completely, whether a node runs on it or not.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_IO, LANESTORE_INVALID as `openView`.
 * Damage is in `findings`.
 * @example
 * ```ts
 * import { autobahn, entryChecks, verify } from 'lanestore';
 *
 * const report = await verify('state', { model: autobahn, checks: entryChecks() });
 * console.log(`${report.records} records, ${report.findingsTotal} findings`);
 * for (const { kind, detail } of report.findings) console.error(`${kind}: ${detail}`);
 * ```
 */
export async function verify<B, Q, A>(location: string, options: VerifyOptions<B, Q, A>): Promise<VerifyReport> {
  string(location, 'verify: location');
  checkVerifyOptions(options, 'verify: options');
  let raised: { readonly error: unknown } | undefined;
  try {
    const everything = { ...options, tableCheckBytesMax: Number.MAX_SAFE_INTEGER, isProbed: true };
    const progress = progressOf(options.onProgress, (error) => {
      raised = { error };
    });
    const levelBytes = options.onProgress === undefined ? 0 : bytesIn(join(location, LEVEL_DIR));
    let read = 0;
    const onRead = (bytes: number) => {
      read += bytes;
      // Some bytes are read twice, and the total does not have those of CURRENT and MANIFEST.
      progress('files', Math.min(read, levelBytes), levelBytes);
    };
    const onRecord = (done: number, total: number) => progress('records', done, total);
    await using view = await viewOf(location, everything, { onRead, onRecord });
    return await verifyView(view, options.checks ?? {}, progress);
  } catch (error) {
    // The caller's exception reaches the caller as it is, whatever it went through.
    throw raised === undefined ? coded(error) : raised.error;
  }
}

/** The report on an open view, with the caller's checks. */
export async function verifyView<B, Q, A>(
  view: StoreView<B, Q, A>,
  checks: EntryChecks<B, Q, A>,
  progress: Progress = () => undefined,
): Promise<VerifyReport> {
  const { checked, failed } = await runChecks(view, checks, progress);
  const { location, witness, records, bytes, notes, refusal, tries } = view;
  return {
    location,
    seq: view.tip?.seq,
    witness,
    records,
    bytes,
    checked,
    findings: [...view.findings, ...failed.kept],
    findingsTotal: view.findingsTotal + failed.total,
    notes,
    refusal,
    tries,
  };
}

type Progress = (phase: VerifyProgress['phase'], done: number, total: number) => void;

/** Passes on the first call of each phase, then one per {@link PROGRESS_MS}. */
function progressOf(
  onProgress: ((progress: VerifyProgress) => void) | undefined,
  onError: (error: unknown) => void,
): Progress {
  if (onProgress === undefined) return () => undefined;
  let last: { readonly phase: string; readonly at: number } | undefined;
  return (phase, done, total) => {
    const at = performance.now();
    if (last?.phase === phase && at - last.at < PROGRESS_MS) return;
    last = { phase, at };
    try {
      onProgress({ phase, done, total });
    } catch (error) {
      onError(error);
      throw error;
    }
  };
}

const PROGRESS_MS = 50;

/** Bytes of the tables and logs in LevelDB's directory; 0 if there is none. */
function bytesIn(level: string): number {
  const names = existsSync(level) ? readdirSync(level).filter((name) => /\.(?:ldb|sst|log)$/.test(name)) : [];
  return names.reduce((sum, name) => sum + (statSync(join(level, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** Upper bound of kept findings from the caller's checks; all are counted. */
const FAILED_MAX = 10_000;

async function runChecks<B, Q, A>(
  view: StoreView<B, Q, A>,
  { block, commitQC, anchor }: EntryChecks<B, Q, A>,
  progress: Progress,
) {
  const failed = new FindingList(FAILED_MAX);
  let checked = 0;
  const logs = [
    ...(commitQC === undefined ? [] : [view.cursors.commitQCs]),
    ...(block === undefined ? [] : view.cursors.lanes.values()),
  ];
  const { anchor: entry, cursors } = view;
  const anchors = anchor === undefined || entry === undefined ? 0 : 1;
  const total = logs.reduce((sum, { first, next }) => sum + Number(next - first), anchors);
  const attempt = (place: Pick<Finding, 'key' | 'lane' | 'number'>, check: () => void) => {
    checked++;
    progress('checks', checked, total);
    const detail = failureOf(check);
    if (detail !== undefined) failed.add({ kind: 'entry-verify', ...place, detail });
  };
  if (anchor !== undefined && entry !== undefined) attempt({ key: ANCHOR_KEY }, () => anchor(entry));
  for await (const { key, number, entry: qc } of sound(commitQC === undefined ? [] : view.commitQCs())) {
    attempt({ key, number }, () => commitQC?.(qc));
  }
  for (const lane of block === undefined ? [] : cursors.lanes.keys()) {
    let before: { number: bigint; entry: B } | undefined;
    for await (const item of sound(view.blocks(lane))) {
      const last = before?.number === item.number - 1n ? before.entry : undefined;
      attempt({ key: item.key, lane, number: item.number }, () => block?.(item.entry, last, cursors.commitQCs));
      before = item;
    }
  }
  return { checked, failed };
}

/** The decoded entries; the others are among the view's findings. */
async function* sound<T>(items: AsyncIterable<ViewItem<T>> | readonly never[]) {
  for await (const item of items) if ('entry' in item) yield item;
}

function failureOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (isLanestoreError(error, 'LANESTORE_VERIFY') || isLanestoreError(error, 'LANESTORE_INVALID'))
      return error.message;
    throw error;
  }
}
