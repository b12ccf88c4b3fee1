/**
 * Trouble with the store of one validator, and its repair by the operator, while the other nodes
 * run. Another process changes the files, like a wrong `mv` or a bad disk.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The stages of the trouble, as an operator sees them on the dashboard. */
export type Stage = 'healthy' | 'failed' | 'repaired' | 'refused' | 'restored';

/** The affected node. */
export interface Patient {
  /** The location of its store. */
  readonly location: string;
  /** Resolves when the network has `count` more CommitQCs. */
  roads(count: number): Promise<void>;
  /** Resolves with the node's reason when its store fails or is refused. */
  failure(): Promise<string>;
  /** Makes the node reopen its store; resolves when the node has caught up. */
  again(): Promise<void>;
  /** Kills the node with SIGKILL, runs `between`, and starts a new process. */
  killed(between: () => void): Promise<void>;
}

const ROADS_BETWEEN = 4;

/** Runs the scenario. Rejects if a reason of the node lacks information that its operator needs. */
export async function playTrouble(
  patient: Patient,
  say: (line: string) => void,
  onStage: (stage: Stage) => Promise<void>,
): Promise<void> {
  const { location } = patient;
  await patient.roads(ROADS_BETWEEN);
  await onStage('healthy');

  // LevelDB keeps its log open and fails when it creates its next file.
  const [level, away] = [join(location, 'level'), join(location, 'level.away')];
  say(`${level} is moved away`);
  const failure = patient.failure();
  renameSync(level, away);
  expect(await failure, /LANESTORE_FAILED/);
  say('its store has failed; it does not vote');
  await onStage('failed');
  renameSync(away, level);
  await patient.again();
  say('the directory is back, the store is open, the node has caught up');
  await patient.roads(ROADS_BETWEEN);
  await onStage('repaired');

  let tables: Table[] = [];
  const refusal = patient.failure();
  await patient.killed(() => {
    tables = tablesIn(level);
    for (const { path, bytes } of tables) writeFileSync(path, flipped(bytes));
  });
  say(`it was killed, and one bit of each table in ${level} was flipped`);
  expect(await refusal, /LANESTORE_CORRUPT.*"kind":/s);
  say('its store is refused, with findings; it does not vote');
  await onStage('refused');
  for (const { path, bytes } of tables) writeFileSync(path, bytes);
  await patient.again();
  say('the tables are restored from the mirror, the store is open, the node has caught up');
  await patient.roads(ROADS_BETWEEN);
  await onStage('restored');
}

function expect(reason: string, pattern: RegExp): void {
  if (!pattern.test(reason)) throw new Error(`expected a reason that matches ${pattern}, got: ${reason}`);
}

interface Table {
  readonly path: string;
  readonly bytes: Buffer;
}

/**
 * All tables. Some may not belong to the database, such as the output of a killed compaction; so
 * all are damaged. At least one belongs to it: the last open made a table from the log that it
 * replayed.
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
