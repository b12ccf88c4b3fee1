/**
 * What goes wrong with the store of a validator, and what its operator does about it: played on one node while the others go on.
 * Everything happens outside of the node's process, to its files, as it would by a wrong `mv` and a bad disk.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a run of the trouble is; each is what an operator sees on the dashboard. */
export type Stage = 'healthy' | 'failed' | 'mended' | 'refused' | 'restored';

/** The node that it happens to. */
export interface Patient {
  /** The location of its store. */
  readonly location: string;
  /** Resolves when the network has so many further CommitQCs. */
  roads(count: number): Promise<void>;
  /** Resolves with what the node says when its store fails or is refused. */
  failure(): Promise<string>;
  /** Tells the node to open its store again; resolves when it has caught up. */
  again(): Promise<void>;
  /** SIGKILL, and a new process once `between` has run. */
  killed(between: () => void): Promise<void>;
}

const ROADS_BETWEEN = 4;

/** Plays it. A node that does not say what its operator has to know is an error. */
export async function playTrouble(
  patient: Patient,
  say: (line: string) => void,
  onStage: (stage: Stage) => Promise<void>,
): Promise<void> {
  const { location } = patient;
  await patient.roads(ROADS_BETWEEN);
  await onStage('healthy');

  // LevelDB has its log open, and misses the directory at the next file that it makes.
  const [level, away] = [join(location, 'level'), join(location, 'level.away')];
  say(`${level} is moved away`);
  const failure = patient.failure();
  renameSync(level, away);
  expect(await failure, /LANESTORE_FAILED/);
  say('its store has failed: it votes no more');
  await onStage('failed');
  renameSync(away, level);
  await patient.again();
  say('the directory is back, the store open, the node has caught up');
  await patient.roads(ROADS_BETWEEN);
  await onStage('mended');

  let tables: Table[] = [];
  const refusal = patient.failure();
  await patient.killed(() => {
    tables = tablesIn(level);
    for (const { path, bytes } of tables) writeFileSync(path, flipped(bytes));
  });
  say(`it was killed, and one bit of each table in ${level} has flipped`);
  expect(await refusal, /LANESTORE_CORRUPT.*"kind":/s);
  say('its store is refused, with findings: nothing is voted from it');
  await onStage('refused');
  for (const { path, bytes } of tables) writeFileSync(path, bytes);
  await patient.again();
  say('the tables are back from the mirror, the store open, the node has caught up');
  await patient.roads(ROADS_BETWEEN);
  await onStage('restored');
}

function expect(reason: string, pattern: RegExp): void {
  if (!pattern.test(reason)) throw new Error(`the node should have said ${pattern}, and said: ${reason}`);
}

interface Table {
  readonly path: string;
  readonly bytes: Buffer;
}

/**
 * All tables: some of them may be no part of the database, such as the output of a compaction that was
 * killed. The last opening made at least one from the log that it replayed.
 */
function tablesIn(level: string): Table[] {
  const paths = readdirSync(level)
    .filter((name) => name.endsWith('.ldb'))
    .map((name) => join(level, name));
  if (paths.length === 0) throw new Error(`${level} has no tables yet`);
  return paths.map((path) => ({ path, bytes: readFileSync(path) }));
}

/** The bytes with one bit of the first data block flipped. */
function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[16] = (copy[16] as number) ^ 1;
  return copy;
}
