/**
 * Concurrent calls of several callers, with completions at random times. The store must end as
 * after the same calls in sequence, each call must settle and fire its hooks in that order, and a
 * reopen must recover that content. In a fifth of the cases a write fails.
 */
import fc from 'fast-check';
import { openLevel } from '../../../src/adapter/level/index.js';
import { isLanestoreError } from '../../../src/errors.js';
import { turns } from '../../support/held-level.js';
import { type CallSeed, histories, Resolver, type Step } from '../../support/history.js';
import { perform, runHistory } from '../../support/history-run.js';
import { describe, Oracle } from '../../support/oracle.js';
import { plain } from '../../support/plain-model.js';
import { FaultyLevel } from '../faulty-level.js';
import { type CaseContext, type Row, Wrong } from '../row.js';

const KINDS = 5;

export const interleavings: Row<null> = {
  name: 'interleavings',
  fault: 'un-awaited and concurrent calls in random interleavings',
  mustHold: "equal to some serial order that respects each caller's own",
  counts: { full: 5000, short: 200 },
  prepare: async () => null,

  async run(_, i, context) {
    const seed = context.random.int(0, 2 ** 31);
    const steps = fc.sample(histories({ stepsMax: 8 }), { seed, numRuns: 1 })[0]!;
    if (i % KINDS === 4) return withFailure(steps, context);
    // One case in ten uses a real LevelDB; the others use a database that can hold back
    // completions.
    return i % (2 * KINDS) === 3 ? onDisk(steps, context) : inMemory(steps, context);
  },
};

/** How much is merged differs from case to case, from nothing to everything. */
function merge({ random }: CaseContext): { maxMergeBytes: number } {
  return { maxMergeBytes: random.pick([1, 200, 1000, 4 * 1024 * 1024]) };
}

async function serial(run: Promise<unknown>): Promise<void> {
  try {
    await run;
  } catch (error) {
    throw new Wrong('silent', `no serial order: ${(error as Error).message}`);
  }
}

async function onDisk(steps: readonly Step[], context: CaseContext): Promise<string> {
  const options = { model: plain, ...merge(context) };
  await serial(runHistory(steps, { open: (load) => openLevel(context.dir, { ...options, load }) }));
  return 'serial, on LevelDB';
}

async function inMemory(steps: readonly Step[], context: CaseContext): Promise<string> {
  const db = new FaultyLevel(context.random, context.random.int(0, 4));
  const options = { db, model: plain, ...merge(context) };
  await serial(runHistory(steps, { open: (load) => openLevel({ ...options, load }) }));
  assertObeyed(db);
  await db.close();
  return 'serial';
}

function assertObeyed({ violations }: FaultyLevel): void {
  if (violations.length > 0) throw new Wrong('wrong', `forbidden calls of the store: ${violations.join('; ')}`);
}

/** A call that the oracle accepted, and its outcome. */
interface Made {
  readonly fired: string[];
  readonly expectedFired: readonly string[];
  /** The state after this call and all calls before it. */
  readonly state: string;
  outcome: string;
}

async function withFailure(steps: readonly Step[], context: CaseContext): Promise<string> {
  const { random } = context;
  const db = new FaultyLevel(random, random.int(0, 4));
  const options = { db, model: plain, ...merge(context) };
  const store = await openLevel(options);
  const point = random.pick(['before', 'after'] as const);
  db.failNth(random.int(0, 6), point);
  const made: Made[] = [];
  const pending: Promise<void>[] = [];
  const oracle = new Oracle();
  const resolver = new Resolver();
  const before = oracle.describe();
  for (const seed of steps.flatMap(callsOf)) {
    if (seed.pause) await turns(random.int(1, 4));
    const call = resolver.call(seed, oracle);
    const { result, fired: expectedFired } = oracle.apply(call);
    if (result !== 'ok' && result !== 'thrown') continue;
    const madeCall: Made = { fired: [], expectedFired, state: oracle.describe(), outcome: 'never settled' };
    made.push(madeCall);
    // An error of a hook is not a refusal: the entry stays.
    const settle = (error?: unknown) => {
      madeCall.outcome = isLanestoreError(error) ? error.code : 'ok';
    };
    pending.push(perform(store, call, madeCall.fired).then(() => settle(), settle));
  }
  await Promise.all(pending);
  await store.close();
  assertPoisoned(made);
  assertObeyed(db);
  const acknowledged = made.filter(({ outcome }) => outcome === 'ok').length;
  const reopened = await openLevel(options);
  const found = describe(reopened.takeRecovered(), reopened.cursors);
  await reopened.close();
  const possible = [before, ...made.map(({ state }) => state)].slice(acknowledged);
  if (!possible.includes(found)) {
    throw new Wrong('silent', `${acknowledged} of ${made.length} calls were acknowledged, it holds\n${found}`);
  }
  await db.close();
  return acknowledged === made.length ? 'serial' : `poisoned, failed ${point} the write`;
}

/** A drop may be partly done while later calls are acknowledged; another row tests drops. */
function callsOf(step: Step): readonly CallSeed[] {
  return step.kind === 'calls' ? step.calls.filter(({ kind }) => kind !== 'drop') : [];
}

/** After the first failed call every call fails, and only acknowledged calls fired their hooks. */
function assertPoisoned(made: readonly Made[]): void {
  const first = made.findIndex(({ outcome }) => outcome !== 'ok');
  for (const [n, { outcome, fired, expectedFired }] of made.entries()) {
    const expected = first >= 0 && n >= first ? 'LANESTORE_FAILED' : 'ok';
    if (outcome !== expected) throw new Wrong('silent', `call ${n} ended with ${outcome}, not ${expected}`);
    const hooks = expected === 'ok' ? expectedFired : [];
    if (fired.join() !== hooks.join()) throw new Wrong('silent', `call ${n} fired ${fired}, not ${hooks}`);
  }
}
