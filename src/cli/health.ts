/** `lanestore health LOCATION`, and the same quick check for `inspect --quick` */
import { lstatSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { OLDEST_READ, preflight, readSchema } from '../adapter/level/index.js';
import { LanestoreError } from '../errors.js';
import type { Finding } from '../index.js';
import { detectLayout } from '../migrations/index.js';
import { EXIT } from './exit-codes.js';
import { findingLines } from './findings.js';
import { formatBytes, note, print, styled, toJson } from './output.js';
import type { Run } from './verb.js';

/** The result of a quick check. */
interface Health {
  readonly location: string;
  readonly isHealthy: boolean;
  /** The newest complete batch; null if there is none. */
  readonly seq: bigint | null;
  /** Null if the file system does not report it. */
  readonly freeBytes: number | null;
  readonly notes: readonly string[];
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
}

/** Runs `health`. */
export const run: Run = ([location = ''], { json, all }) => showHealth(location, json === true, all === true);

/** Checks the store quickly, prints the result, and resolves with the exit code. */
export async function showHealth(location: string, json: boolean, all: boolean): Promise<number> {
  const health = await healthOf(location);
  if (json) print(toJson(health, 2));
  else {
    for (const text of health.notes) note(`note: ${text}`);
    for (const line of findingLines(health.findings, all)) print(line);
    const free = health.freeBytes === null ? 'unknown free space' : `${formatBytes(health.freeBytes)} free`;
    const verdict = health.isHealthy ? styled('green', 'OK') : `${health.findingsTotal} findings`;
    print(`${verdict}: newest batch ${health.seq ?? 'unknown'}, ${free}`);
  }
  return health.isHealthy ? EXIT.ok : EXIT.damaged;
}

/** Checks the store quickly. @throws as `preflight`; LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA. */
export async function healthOf(directory: string): Promise<Health> {
  const { layout, location } = await detectLayout(directory);
  if (layout !== 'level') throw new LanestoreError('LANESTORE_NOT_A_STORE', `${location} is no store: it is ${layout}`);
  // Read before the database, so that a batch that the witness names is in the database, even while
  // a node writes.
  const witness = witnessOf(location);
  const report = await preflight(join(location, 'level'), { witness, tableCheckBytesMax: 0 });
  const { findings, findingsTotal, notes, seq, schema } = report;
  if (findingsTotal === 0) checkIsStore(location, schema);
  const { blocks, bavail, bsize } = statfsSync(location);
  return {
    location,
    isHealthy: findingsTotal === 0,
    seq: seq ?? null,
    freeBytes: blocks === 0 ? null : bavail * bsize,
    notes,
    findings,
    findingsTotal,
  };
}

/**
 * @throws LANESTORE_NOT_A_STORE for another program's database; LANESTORE_SCHEMA for a newer
 * format.
 */
function checkIsStore(location: string, schema: Uint8Array | undefined): void {
  if (schema !== undefined) readSchema(schema, undefined, OLDEST_READ);
  else throw new LanestoreError('LANESTORE_NOT_A_STORE', `${location} holds a LevelDB of another program`);
}

/**
 * The witness's bytes; undefined if there is none.
 * @throws LANESTORE_CORRUPT if it is not a regular file.
 */
function witnessOf(location: string): Uint8Array | undefined {
  const path = join(location, 'witness');
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  // Reading a FIFO would block.
  if (stat.isFile()) return readFileSync(path);
  const finding = { kind: 'file-type', file: 'witness', detail: 'it is not a regular file' } as const;
  throw new LanestoreError('LANESTORE_CORRUPT', `${path} is not a regular file`, { findings: [finding] });
}
