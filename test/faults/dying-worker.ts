/** A worker of a pool whose second case of five aborts the process, as LevelDB does, and whose fourth hangs up without a word. */
import type { Answer, Request } from './worker.js';

process.on('message', ({ i }: Request) => {
  if (i === 1) process.abort();
  if (i === 3) process.exit(7);
  process.send?.((i === undefined ? { count: 5 } : { verdict: 'fine' }) satisfies Answer);
});
process.on('disconnect', () => process.exit(0));
