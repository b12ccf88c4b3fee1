/** `lanestore inspect LOCATION` */
import { statfsSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { entriesBelow } from '../adapter/level/index.js';
import type { Finding, StoreView } from '../index.js';
import { parseKey } from '../keys/index.js';
import { openState } from '../migrations/index.js';
import { barLines } from './bars.js';
import { UsageError } from './command-error.js';
import { type DataLayer, dataLayerOf, showDataLayer } from './data-layer.js';
import { type DiskReport, diskLines, measureDisk } from './disk.js';
import { EXIT } from './exit-codes.js';
import { findingLines } from './findings.js';
import { healthOf, showHealth } from './health.js';
import { detectLayoutAt, openViewAt } from './locations.js';
import { formatBytes, note, print, styled, toJson } from './output.js';
import { isPostgres } from './postgres-url.js';
import { type Protocol, RAW, rawNote, withProtocol } from './protocols.js';
import type { Run } from './verb.js';
import { showVotes, type VotesSummary, votesOf } from './votes.js';

/** Range and size of one log. */
export interface LogSummary {
  first: bigint;
  next: bigint;
  /** Bytes of the values of the entries in [first, next). */
  bytes: number;
  /** Keys below `first` that the sweeper has not deleted yet. */
  unswept: number;
}

/** The output of `inspect --json`. */
export interface Inspection {
  readonly location: string;
  readonly layout: string;
  readonly evidence: readonly string[];
  readonly format?: number;
  readonly model?: string;
  readonly createdAt?: string;
  readonly store?: Uint8Array;
  readonly seq?: bigint;
  readonly witness?: string;
  /** False: the model is unknown, and entries were not decoded. */
  readonly isDecoded: boolean;
  /** Road index of the anchor; null if there is none, or if the model is unknown. */
  readonly anchor: bigint | null;
  /** Size of the node's own state in bytes; null if there is none. */
  readonly innerBytes: number | null;
  /**
   * The votes of the key that the store is bound to; absent if the layout or the format has none.
   */
  readonly votes?: VotesSummary;
  readonly commitQCs: LogSummary;
  readonly lanes: readonly ({ readonly lane: string } & LogSummary)[];
  /** The rows of the data layer, if the layout has them. */
  readonly dataLayer?: DataLayer;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly bytes: number;
  /** Null if the file system does not report it. */
  readonly freeBytes: number | null;
  /** With `--disk`. */
  readonly disk?: DiskReport;
  readonly notes: readonly string[];
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
}

/** Runs `inspect`. */
export const run: Run = async ([location = ''], { json, all, quick, disk }) => {
  if (quick === true && isPostgres(location)) throw new UsageError('--quick looks at files: leave it out');
  if (disk === true && (quick === true || isPostgres(location)))
    throw new UsageError('--disk measures the disk of a directory, without --quick');
  if (quick === true) return showHealth(location, json === true, all === true);
  const { layout, evidence } = await detectLayoutAt(location);
  const found = await withProtocol(
    location,
    (protocol) =>
      layout === 'level' ? inspectLevel(location, evidence, protocol) : inspectOriginal(location, protocol),
    { raw: true },
  );
  const measured = disk === true ? { disk: await diskOf(found) } : {};
  if (json === true) print(toJson({ ...found, ...measured }, 2));
  else show({ ...found, ...measured }, all === true);
  return found.findingsTotal > 0 ? EXIT.damaged : EXIT.ok;
};

function diskOf({ location, layout }: Inspection): Promise<DiskReport> {
  return measureDisk(location, async () => (layout === 'level' ? (await healthOf(location)).seq : null));
}

async function inspectLevel<B, Q, A>(
  location: string,
  evidence: readonly string[],
  { model }: Protocol<B, Q, A>,
): Promise<Inspection> {
  await using view = await openViewAt(location, { model });
  const { commitQCs, lanes } = await summarize(view);
  const { schema, tip } = view;
  const isRaw = model === RAW.model;
  return {
    location: view.location,
    layout: 'level',
    evidence,
    ...(schema === undefined
      ? {}
      : { format: schema.format, model: schema.model, createdAt: schema.createdAt, store: schema.store }),
    ...(tip === undefined ? {} : { seq: tip.seq }),
    witness: view.witness.verdict,
    isDecoded: !isRaw,
    anchor: view.anchor === undefined || isRaw ? null : model.anchor.index(view.anchor),
    innerBytes: view.inner?.length ?? null,
    ...(view.votes === undefined ? {} : { votes: votesOf(view.votes) }),
    commitQCs,
    lanes,
    files: view.files,
    bytes: view.files.reduce((sum, { bytes }) => sum + bytes, 0),
    freeBytes: isPostgres(location) ? null : freeBytes(view.location),
    notes: isRaw ? [...view.notes, rawNote(schema?.model)] : view.notes,
    findings: view.findings,
    findingsTotal: view.findingsTotal,
  };
}

async function summarize(view: StoreView<unknown, unknown, unknown>) {
  const commitQCs: LogSummary = { ...rangeOf(view.cursors.commitQCs), bytes: 0, unswept: 0 };
  const lanes = new Map<string, LogSummary>();
  for (const [lane, cursor] of view.cursors.lanes) lanes.set(lane, { ...rangeOf(cursor), bytes: 0, unswept: 0 });
  for await (const { key, value } of view.entries()) {
    const parsed = parseKey(key);
    if (parsed?.kind !== 'block' && parsed?.kind !== 'commitQC') continue;
    const [log, number] = parsed.kind === 'block' ? [lanes.get(parsed.lane), parsed.number] : [commitQCs, parsed.index];
    if (log === undefined) continue;
    if (number < log.first) log.unswept++;
    else log.bytes += value.length;
  }
  return { commitQCs, lanes: [...lanes].map(([lane, log]) => ({ lane, ...log })) };
}

function rangeOf({ first, next }: { first: bigint; next: bigint }): { first: bigint; next: bigint } {
  return { first, next };
}

/** Reads all of a state of another layout than a store's. @throws as `openState`. */
export async function inspectOriginal<B, Q, A>(directory: string, { model }: Protocol<B, Q, A>): Promise<Inspection> {
  const { layout, location, evidence } = await detectLayoutAt(directory);
  const source = await openState(directory, model);
  const count = async (entries: AsyncIterable<{ number: bigint; wire: Uint8Array }>, least: bigint) => {
    const log: LogSummary = { first: least, next: least, bytes: 0, unswept: 0 };
    for await (const { number, wire } of entries) {
      if (log.bytes === 0) log.first = number;
      log.next = number + 1n;
      log.bytes += wire.length;
    }
    return log;
  };
  const lanes = [];
  for (const [lane, { leastNext }] of source.lanes)
    lanes.push({ lane, ...(await count(source.blocks(lane), leastNext)) });
  const { anchor, inner, data } = source;
  const commitQCs = await count(source.commitQCs(), source.commitQCLog.leastNext);
  await source.close();
  const files = bytesBelow(location);
  return {
    location,
    layout,
    evidence,
    isDecoded: true,
    anchor: anchor?.point.index ?? null,
    innerBytes: inner?.length ?? null,
    commitQCs,
    lanes,
    ...(data === undefined ? {} : { dataLayer: dataLayerOf(data) }),
    files,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    freeBytes: freeBytes(location),
    notes: source.notes,
    findings: [],
    findingsTotal: 0,
  };
}

/** Bytes available to unprivileged processes; null if the file system does not report them. */
export function freeBytes(location: string): number | null {
  const { blocks, bavail, bsize } = statfsSync(location);
  return blocks === 0 ? null : bavail * bsize;
}

function show(found: Inspection, all: boolean): void {
  const line = (name: string, text: string) => print(`${name.padEnd(11)} ${text}`);
  print(styled('bold', found.location));
  line('layout', found.layout === 'level' ? `level, format ${found.format ?? 'unknown'}` : found.layout);
  if (found.model !== undefined) line('model', found.model);
  if (found.createdAt !== undefined) line('created', found.createdAt);
  if (found.store !== undefined) line('store', Buffer.from(found.store).toString('hex'));
  if (found.seq !== undefined) line('seq', `${found.seq} batches; the witness: ${found.witness}`);
  if (found.isDecoded) line('anchor', found.anchor === null ? 'none' : `road index ${found.anchor}`);
  line('inner', found.innerBytes === null ? 'none' : formatBytes(found.innerBytes));
  if (found.votes !== undefined) showVotes(found.votes, line);
  line('CommitQCs', `${logText(found.commitQCs)}`);
  line('lanes', String(found.lanes.length));
  const bars = barLines(found.lanes.map((lane) => [lane.lane, lane]));
  for (const [i, bar] of bars.entries()) print(`  ${bar}  ${sizes(found.lanes[i]!)}`);
  if (found.dataLayer !== undefined) showDataLayer(found.dataLayer, line);
  const free = found.freeBytes === null ? 'unknown free space' : `${formatBytes(found.freeBytes)} free`;
  line('files', `${found.files.length}, ${formatBytes(found.bytes)}; ${free} on the disk`);
  if (found.disk !== undefined) {
    const [disk, node] = diskLines(found.disk);
    line('disk', disk);
    line('', found.disk.isTooSlow ? styled('red', node) : node);
  }
  for (const { name, bytes } of found.files.slice(0, FILES_SHOWN)) print(`  ${name.padEnd(28)} ${formatBytes(bytes)}`);
  if (found.files.length > FILES_SHOWN) print(`  and ${found.files.length - FILES_SHOWN} more (--json lists them)`);
  for (const text of found.notes) note(`note: ${text}`);
  line('findings', found.findingsTotal === 0 ? styled('green', 'none') : styled('red', String(found.findingsTotal)));
  for (const text of findingLines(found.findings, all)) print(`  ${text}`);
}

const FILES_SHOWN = 12;

function logText(log: LogSummary): string {
  return `road indexes [${log.first}, ${log.next})  ${sizes(log)}`;
}

function sizes({ first, next, bytes, unswept }: LogSummary): string {
  const stale = unswept === 0 ? '' : `, ${unswept} stale keys not yet swept`;
  return `${next - first} held, ${formatBytes(bytes)}${stale}`;
}

/**
 * The files below a directory with their sizes, sorted by name. Omits files deleted during the
 * call.
 */
export function bytesBelow(location: string): { name: string; bytes: number }[] {
  const files = [];
  for (const entry of entriesBelow(location)) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined) files.push({ name: relative(location, path), bytes: stat.size });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}
