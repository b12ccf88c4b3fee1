/** Runs the scenario of this folder and reads its output. */
import { join } from 'node:path';
import { packageRoot } from '../support/fixtures.js';

/** The compiled program. */
export const SCENARIO = join(packageRoot, '.build', 'test', 'environments', 'scenario.js');

/** All of its steps, ordered so that each finds its preconditions. */
export const STEPS = ['none', 'level', 'view', 'verify', 'snapshot', 'wal', 'migrations', 'reopen'] as const;

/** How a step ended: without a code if everything was as expected. */
export interface Outcome {
  readonly step: string;
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
}

/** The output of a process of the scenario. @throws if it did not end by itself. */
export function outcomes(ended: { status: number | null; stdout: string; stderr: string }): Outcome[] {
  if (ended.status !== 0) throw new Error(`the scenario ended with ${ended.status}:\n${ended.stdout}${ended.stderr}`);
  const lines = ended.stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Outcome);
}
