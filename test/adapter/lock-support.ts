/** Openers in other threads and processes. */
import { openLevel } from '../../src/adapter/level/index.js';
import { type Child, runWorker } from '../support/kill.js';
import { plain } from '../support/plain-model.js';

/** A process that opens a store. */
export const OPEN_WORKER = new URL('../support/open-worker.js', import.meta.url);

/** A thread that opens a store at the same moment as others. */
export const BARRIER_WORKER = new URL('./barrier-worker.js', import.meta.url);

/** Opens a store with the plain model. */
export const open = (location: string) => openLevel(location, { model: plain });

/** The result of opening the store in another process: an error code, or "open". */
export async function elsewhere(location: string): Promise<string> {
  const { lines, stderr } = await runWorker(OPEN_WORKER, [location]);
  const end = lines.find((line) => line.startsWith('end 0 '));
  if (end === undefined) throw new Error(`the worker printed nothing: ${stderr}`);
  return (JSON.parse(end.slice('end 0 '.length)) as { code?: string }).code ?? 'open';
}

/** Kills a process, and waits for its end. */
export async function kill(child: Child): Promise<void> {
  child.process.kill('SIGKILL');
  await child.ended;
}
