/** `lanestore stats LOCATION` */
import { join } from 'node:path';
import { type LevelMap, levelMap } from '../adapter/level/index.js';
import { EXIT } from './exit-codes.js';
import { findingLines } from './findings.js';
import { formatBytes, note, print, shortLane, styled, toJson } from './output.js';
import { type LogSize, type Sizes, sizesOf } from './sizes.js';
import type { Run } from './verb.js';

/** The number of some files, and their total size. */
interface Files {
  files: number;
  bytes: number;
}

/** The output of `stats --json`. */
interface Stats extends Omit<Sizes, 'commitQCs' | 'lanes' | 'valueFiles'> {
  /** LevelDB's live tables, by level. */
  readonly levels: readonly ({ readonly level: number } & Files)[];
  /** LevelDB's live logs. */
  readonly levelLogs: Files;
  readonly valueFiles: ValueBytes;
  /** The QC log, then the lanes. */
  readonly logs: readonly ({ readonly log: string } & LogSize)[];
  /** Number of entries in the ranges of the logs that are not stored. */
  readonly missing: bigint;
}

/** The bytes of all value files. */
interface ValueBytes {
  readonly files: number;
  readonly bytes: number;
  /** Bytes of records in the range of their log. */
  readonly usedBytes: number;
  /** The other bytes of files with records. In the newest file they include unwritten space. */
  readonly garbageBytes: number;
  /** Bytes of files without a record, which are prepared for new values. */
  readonly freeBytes: number;
}

/** Runs `stats`. */
export const run: Run = async ([location = ''], { json, all }) => {
  const sizes = await sizesOf(location);
  const stats = statsOf(sizes, await levelMap(join(sizes.location, 'level')));
  if (json === true) print(toJson(stats, 2));
  else show(stats, all === true);
  return stats.findingsTotal > 0 || stats.missing > 0n ? EXIT.damaged : EXIT.ok;
};

function statsOf(sizes: Sizes, { tables, logs: levelLogs }: LevelMap): Stats {
  const { commitQCs, lanes, valueFiles, ...rest } = sizes;
  const levels: ({ level: number } & Files)[] = [];
  for (const { level, bytes } of tables) {
    if (levels.at(-1)?.level !== level) levels.push({ level, files: 0, bytes: 0 });
    addFile(levels.at(-1)!, bytes);
  }
  const logs = [{ log: 'qc', ...commitQCs }, ...[...lanes].map(([log, size]) => ({ log, ...size }))];
  const inLogs: Files = { files: 0, bytes: 0 };
  for (const { bytes } of levelLogs) addFile(inLogs, bytes);
  return {
    ...rest,
    levels,
    levelLogs: inLogs,
    valueFiles: valueBytes(valueFiles),
    logs,
    missing: logs.reduce((sum, { first, next, entries }) => sum + next - first - BigInt(entries), 0n),
  };
}

function addFile(files: Files, bytes: number): void {
  files.files++;
  files.bytes += bytes;
}

function valueBytes(files: Sizes['valueFiles']): ValueBytes {
  const total = (count: (file: Sizes['valueFiles'][number]) => number) =>
    files.reduce((sum, file) => sum + count(file), 0);
  const usedBytes = total(({ liveBytes }) => liveBytes);
  return {
    files: files.length,
    bytes: total(({ bytes }) => bytes),
    usedBytes,
    garbageBytes: total(({ isUsed, bytes }) => (isUsed ? bytes : 0)) - usedBytes,
    freeBytes: total(({ isUsed, bytes }) => (isUsed ? 0 : bytes)),
  };
}

function show(stats: Stats, all: boolean): void {
  const row = (name: string, count: number | string, bytes: number, more = '') =>
    print(`  ${name.padEnd(12)} ${String(count).padStart(9)} ${formatBytes(bytes).padStart(11)}${more}`);
  const { kinds, levels, levelLogs, valueFiles } = stats;
  print(styled('bold', stats.location));
  print(`newest batch ${stats.seq ?? 'unknown'}`);
  print('keys by kind: number, bytes of their records');
  for (const [kind, { keys, bytes }] of [...kinds].sort(([, a], [, b]) => b.bytes - a.bytes)) row(kind, keys, bytes);
  print('logs: entries, bytes of their records, range');
  for (const { log, first, next, entries, bytes, unswept } of stats.logs) {
    const absent = next - first - BigInt(entries);
    const missing = absent > 0n ? styled('red', `, ${absent} missing`) : '';
    const stale = unswept > 0 ? `, ${unswept} stale keys not yet swept` : '';
    row(log === 'qc' ? 'CommitQCs' : shortLane(log), entries, bytes, `  [${first}, ${next})${missing}${stale}`);
  }
  print('LevelDB: files, bytes');
  row('logs', levelLogs.files, levelLogs.bytes);
  for (const { level, files, bytes } of levels) row(`level ${level}`, files, bytes);
  print(`value files: ${valueFiles.files}, ${formatBytes(valueFiles.bytes)}`);
  if (valueFiles.files > 0) {
    row('used', '', valueFiles.usedBytes);
    row('garbage', '', valueFiles.garbageBytes);
    row('free', '', valueFiles.freeBytes);
  }
  for (const text of stats.notes) note(`note: ${text}`);
  for (const line of findingLines(stats.findings, all)) print(line);
}
