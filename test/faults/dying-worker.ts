/**
 * A worker of a pool. Of its five cases, the second aborts the process, as LevelDB does, and the
 * fourth ends it without a message.
 */
import type { Answer, Request } from './worker.js';

process.on('message', ({ i }: Request) => {
  if (i === 1) process.abort();
  if (i === 3) process.exit(7);
  process.send?.((i === undefined ? { count: 5 } : { verdict: 'fine' }) satisfies Answer);
});
process.on('disconnect', () => process.exit(0));
