/** Guards without one of their rules, or that release too early: each must be caught. */
import type { Patch } from '../faults/weakened.js';

const RULES = 'src/adapter/vote-rules.js';
export const WEAKENED_GUARDS: readonly Patch[] = [
  {
    name: 'guard without differs',
    replacements: [{ file: RULES, find: "? 'again' : 'differs'", by: "? 'again' : 'new'" }],
  },
  { name: 'guard without passed', replacements: [{ file: RULES, find: 'if (order < 0)', by: 'if (false)' }] },
  {
    name: 'guard without before',
    replacements: [{ file: RULES, find: 'if (reaches(state.logs.get(log), at))', by: 'if (false)' }],
  },
  {
    name: 'guard that releases before it is durable',
    replacements: [{ file: 'src/guard/guard.js', find: 'await stored;', by: 'stored.catch(() => undefined);' }],
  },
];
