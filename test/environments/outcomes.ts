/** The scenario of this folder, and what it printed. */
import { join } from 'node:path';
import { packageRoot } from '../support/fixtures.js';

/** The compiled program. */
export const SCENARIO = join(packageRoot, '.build', 'test', 'environments', 'scenario.js');

/** All of its steps, in an order in which each finds what it needs. */
export const STEPS = ['none', 'level', 'view', 'verify', 'snapshot', 'wal', 'migrations', 'reopen'] as const;

/** How a step ended: without a code if all of it was as expected. */
export interface Outcome {
  readonly step: string;
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
}

/** What a process of the scenario printed. @throws if it did not end by itself. */
export function outcomes(ended: { status: number | null; stdout: string; stderr: string }): Outcome[] {
  if (ended.status !== 0) throw new Error(`the scenario ended with ${ended.status}:\n${ended.stdout}${ended.stderr}`);
  const lines = ended.stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Outcome);
}
