/**
 * Moves a node's state from one layout to another: reads the source under a node's start rules,
 * builds the target next to its final place, reads it back from disk under the same rules,
 * compares, syncs, and moves it into place. After any failure or kill the source is unchanged, and
 * the target is absent or complete.
 */

import type { StoreView } from '../adapter/level/index.js';
import { releasing } from '../base/close-stack.js';
import { boolean, byteCount, callback, fields, required, string } from '../base/options.js';
import { messageOf } from '../base/permission-model.js';
import type { EntryChecks } from '../model/checks.js';
import type { Model } from '../model/model.js';
import { checkEntryChecks, MODEL_CHECK } from '../model/option-checks.js';
import { ContentDigest, type DigestPart, differenceOf } from './digest.js';
import { AB_ENCODING, checkLayout, detectLayout, importError, type Layout, type OriginalLayout } from './layout.js';
import { viewSource } from './level-source.js';
import { openSource } from './open-source.js';
import { checkPostgresTarget, claimDirectory, type Place, type PostgresTarget, type TargetLayout } from './place.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import { refuseChanged, refuseLive, treeState } from './source-guard.js';
import { newTally, startContent, type Tally } from './start-rules.js';
import { writeError } from './target.js';
import { refuseTarget } from './versions.js';

/** The progress of a migration. */
export interface MigrationProgress {
  /** `copy`: source to target. `verify`: the target is read back. */
  readonly phase: 'copy' | 'verify';
  readonly entries: number;
  /** Bytes of these entries, as protobuf. */
  readonly bytes: number;
}

/** Options of {@link importState} and {@link exportState}. */
export interface MigrationOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /**
   * The checks of each entry beyond its place: `entryChecks()` for Autobahn, `{}` for a model
   * without hashes.
   */
  readonly checks: EntryChecks<B, Q, A>;
  /** Exports: write a layout without votes although the store has votes. Default false. */
  readonly dropSigningState?: boolean;
  /** Called every 256 entries. */
  readonly onProgress?: (progress: MigrationProgress) => void;
  /** @internal Size at which a segment is followed by a new one. */
  readonly segmentBytes?: number;
}

const checkMigrationOptions = fields<MigrationOptions<unknown, unknown, unknown>>({
  ...MODEL_CHECK,
  checks: required(checkEntryChecks),
  dropSigningState: boolean,
  onProgress: callback(),
  segmentBytes: byteCount,
});

/** The result of a migration. */
export interface MigrationReport {
  /** Real path of the source. */
  readonly source: string;
  readonly sourceLayout: Layout;
  readonly target: string;
  readonly targetLayout: Layout;
  /** Road index of the anchor; absent if there is none. */
  readonly anchor?: bigint;
  /** True if the node's consensus state was copied. */
  readonly inner: boolean;
  readonly commitQCs: number;
  readonly lanes: number;
  readonly blocks: number;
  /** Bytes of all entries, as protobuf. */
  readonly bytes: number;
  /** The number of CommitQCs below the anchor, which were not copied. */
  readonly staleCommitQCs: number;
  /** The number of blocks below the anchor, which were not copied. */
  readonly staleBlocks: number;
  /** True if the anchor's CommitQC was missing in the log and was added. */
  readonly anchorQCAdded: boolean;
  /** Skipped and omitted parts, and other notes for the operator. */
  readonly notes: readonly string[];
  /** The manifest that source and target have in common. */
  readonly manifest: readonly DigestPart[];
}

/** Entries between two calls of `onProgress`. */
const PROGRESS_ENTRIES = 256;

/**
 * Makes a store in `target`, a directory or tables of PostgreSQL, from the state directory `source`
 * of any layout, or from a view of a store, which is closed.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA (the source is not a store, or of a version that
 * is not read); LANESTORE_LOCKED (a node runs on it); LANESTORE_IMPORT (its content cannot be read
 * as a whole, with findings; the target exists, or cannot be written); LANESTORE_IO. Then the
 * source is unchanged, and there is no target.
 * @example
 * ```ts
 * import { autobahn, entryChecks, importState } from 'lanestore';
 *
 * const options = { model: autobahn, checks: entryChecks() };
 * const { sourceLayout, lanes, blocks } = await importState('data', 'imported', options);
 * console.log(`${sourceLayout}: ${lanes} lanes, ${blocks} blocks`);
 * ```
 */
export async function importState<B, Q, A>(
  source: string | StoreView<B, Q, A>,
  target: string | PostgresTarget,
  options: MigrationOptions<B, Q, A>,
): Promise<MigrationReport> {
  check('importState', source, target, options);
  return migrate(source, target, 'level', options);
}

/**
 * Writes the content of a level store (or of any other layout) into `target`, in one of the
 * original's layouts, as the original would have written it. A node may run on a level store
 * meanwhile: the export is its content at one moment.
 * @throws as {@link importState}.
 * @example
 * ```ts
 * import { autobahn, entryChecks, exportState } from 'lanestore';
 *
 * const options = { model: autobahn, checks: entryChecks() };
 * const { target, bytes } = await exportState('state', 'exported', 'wal', options);
 * console.log(`${target}: ${bytes} bytes`);
 * ```
 */
export async function exportState<B, Q, A>(
  source: string | StoreView<B, Q, A>,
  target: string,
  layout: OriginalLayout,
  options: MigrationOptions<B, Q, A>,
): Promise<MigrationReport> {
  check('exportState', source, target, options);
  refuseTarget(layout, options.model);
  checkLayout(layout, 'exportState: layout');
  return migrate(source, target, layout, options);
}

function check(name: string, source: unknown, target: unknown, options: unknown): void {
  if (typeof source !== 'object' || source === null) string(source, `${name}: source`);
  if (name !== 'importState' || typeof target !== 'object' || target === null) string(target, `${name}: target`);
  else checkPostgresTarget(target, `${name}: target`);
  checkMigrationOptions(options, `${name}: options`);
}

/** An open source, and a check that nothing wrote to it since. */
async function originOf<B, Q, A>(from: string | StoreView<B, Q, A>, model: Model<B, Q, A>) {
  const refuseIfChanged = () => undefined;
  if (typeof from !== 'string') return { source: await viewSource(from, model), refuseIfChanged };
  const detection = await detectLayout(from);
  const { location, layout } = detection;
  if (layout === 'level') return { source: await openSource(detection, model), refuseIfChanged };
  refuseLive(location);
  const before = treeState(location);
  return { source: await openSource(detection, model), refuseIfChanged: () => refuseChanged(location, before) };
}

async function migrate<B, Q, A>(
  from: string | StoreView<B, Q, A>,
  to: string | PostgresTarget,
  layout: TargetLayout,
  options: MigrationOptions<B, Q, A>,
): Promise<MigrationReport> {
  const { source, refuseIfChanged } = await originOf(from, options.model);
  return releasing(
    () => source.close(),
    async () => {
      refuseInner(source, layout, options.model);
      if (layout !== 'level') refuseVotes(source, options);
      const place =
        typeof to === 'string'
          ? await claimDirectory(to, layout, options.model, options.segmentBytes)
          : await (await import('./postgres-place.js')).claimTables(to, options.model);
      return releasing(place.abandon, async () => {
        const tally = newTally();
        const manifest = await copy(source, await place.sink(source.votes), tally, options);
        await source.close();
        await verify(place, manifest, options);
        refuseIfChanged();
        await place.publish();
        return reportOf(source, place.target, layout, tally, manifest);
      });
    },
  );
}

/**
 * Refuses an inner state that the protocol cannot decode for a layout whose A/B files have no
 * checksum: the original and `openWal` could not distinguish it from damage.
 * @throws LANESTORE_IMPORT.
 */
function refuseInner<B, Q, A>({ inner, location }: Source<B, Q, A>, layout: TargetLayout, model: Model<B, Q, A>): void {
  if (inner === undefined || layout === 'level' || AB_ENCODING[layout] !== 'wrapper') return;
  try {
    model.inner?.check(inner);
  } catch (error) {
    const what = `the inner state in ${location} is none of ${model.name}, and ${layout} has no checksum for anything else`;
    throw importError(`${what}: ${messageOf(error)}; export to wal-crc`, { cause: error });
  }
}

/**
 * Refuses to drop votes without an explicit option. No layout of the original keeps votes, so a
 * node that starts on it would lose the record of what it signed.
 * @throws LANESTORE_IMPORT.
 */
function refuseVotes<B, Q, A>(
  { votes, location }: Source<B, Q, A>,
  { dropSigningState = false }: MigrationOptions<B, Q, A>,
): void {
  if (votes === undefined || votes.quarantine?.heir !== undefined || dropSigningState) return;
  // Without a key no guard has signed on this store, but it may record what was signed elsewhere.
  const { signer, laneFloors, quarantine } = votes;
  if (signer === undefined && laneFloors.size === 0 && quarantine?.lost !== true) return;
  throw importError(
    `${location} keeps what its key signed, and the layout cannot: a node that starts on it may sign twice`,
    {
      remedy:
        'if its key signs nothing any more, or its votes are in the inner state: drop the signing state (--drop-signing-state)',
    },
  );
}

async function copy<B, Q, A>(
  source: Source<B, Q, A>,
  sink: Sink<B, Q, A>,
  tally: Tally,
  { model, checks, onProgress }: MigrationOptions<B, Q, A>,
): Promise<DigestPart[]> {
  const digest = new ContentDigest();
  const progress = new Progress('copy', onProgress);
  try {
    for await (const item of startContent(source, model, checks, tally)) {
      digest.add(item);
      await into(sink.put(item));
      if (item.kind !== 'log') progress.count(item.wire.length);
    }
    await into(sink.finish());
    return digest.parts();
  } catch (error) {
    await sink.abandon();
    throw error;
  }
}

/** Rethrows a failed write with an error that names the target, not the source. */
async function into(write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    throw writeError('write the target', error);
  }
}

/** Reads the target back and compares it with the source. */
async function verify<B, Q, A>(
  place: Place<B, Q, A>,
  expected: readonly DigestPart[],
  { model, onProgress }: MigrationOptions<B, Q, A>,
): Promise<void> {
  const digest = new ContentDigest();
  const progress = new Progress('verify', onProgress);
  const target = await place.reopen();
  await releasing(
    () => target.close(),
    async () => {
      for await (const item of startContent(target, model, {}, newTally())) {
        digest.add(item);
        if (item.kind !== 'log') progress.count(item.wire.length);
      }
    },
  );
  const difference = differenceOf(expected, digest.parts());
  if (difference === undefined) return;
  throw importError(
    `what was written to ${place.target} does not read back as the source: ${difference}; nothing was kept`,
  );
}

class Progress {
  readonly #phase: MigrationProgress['phase'];
  readonly #tell: ((progress: MigrationProgress) => void) | undefined;
  #entries = 0;
  #bytes = 0;

  constructor(phase: MigrationProgress['phase'], tell: ((progress: MigrationProgress) => void) | undefined) {
    this.#phase = phase;
    this.#tell = tell;
  }

  count(bytes: number): void {
    this.#bytes += bytes;
    if (++this.#entries % PROGRESS_ENTRIES !== 0) return;
    this.#tell?.({ phase: this.#phase, entries: this.#entries, bytes: this.#bytes });
  }
}

function reportOf<B, Q, A>(
  source: Source<B, Q, A>,
  target: string,
  targetLayout: Layout,
  { anchor, notes, ...tally }: Tally,
  manifest: readonly DigestPart[],
): MigrationReport {
  return {
    source: source.location,
    sourceLayout: source.layout,
    target,
    targetLayout,
    ...(anchor === undefined ? {} : { anchor }),
    ...tally,
    notes: [...source.notes, ...notes],
    manifest,
  };
}
