/**
 * The only kind of waiter list: bounded, O(1) to join and to leave, one listener per signal, and no
 * synchronous call into the caller's code.
 */
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CountWaitList, onAbort, WAITERS_MAX, WaitList } from '../../src/base/waiters.js';
import { refused, rejection } from '../support/faults.js';
import { bounded } from '../support/hang.js';

const test = bounded(suite('waiters'));

/** Records in `log` how a wait ends. */
function noted(log: string[], name: string, wait: Promise<void>): Promise<void> {
  return wait.then(
    () => void log.push(name),
    (error: unknown) => void log.push(`${name}: ${error}`),
  );
}

test('a list releases all, or the first, or refuses all; only current members', async () => {
  const log: string[] = [];
  const list = new WaitList('calls');
  const waits = ['a', 'b', 'c', 'd'].map((name) => noted(log, name, list.wait()));
  assert.ok(list.releaseFirst());
  await waits[0];
  assert.equal([log, list.size], [['a'], 3]);
  list.release();
  await Promise.all(waits);
  assert.equal([log, list.size], [['a', 'b', 'c', 'd'], 0]);
  assert.not(list.releaseFirst(), 'none waits');
  list.refuse('before');
  const refusals = ['e', 'f'].map((name) => noted(log, name, list.wait()));
  list.refuse('over');
  await Promise.all(refusals);
  assert.equal(log.slice(4), ['e: over', 'f: over']);
});

test('no code of the caller runs while a list is released, refused or aborted', async () => {
  const list = new WaitList('calls');
  const count = new CountWaitList('calls');
  const control = new AbortController();
  let ran = 0;
  const done = () => void ran++;
  const waits = [
    list.wait(),
    list.wait(control.signal),
    count.wait(1n),
    count.wait(2n),
    count.wait(3n, control.signal),
  ].map((wait) => wait.then(done, done));
  control.abort();
  list.release();
  count.reach(1n);
  count.refuse(new Error('over'));
  assert.is(ran, 0);
  await Promise.all(waits);
  assert.is(ran, 5);
});

test('a count that jumps by 2^60 takes as many steps as numbers are waited for; single steps take one step each', async () => {
  const list = new CountWaitList('calls');
  const order: string[] = [];
  const waits = [2n ** 60n, 5n, 2n ** 61n, 5n].map((number) => noted(order, `${number}`, list.wait(number)));
  list.reach(4n);
  assert.is(list.size, 4);
  list.reach(2n ** 60n);
  await Promise.all([waits[0], waits[1], waits[3]]);
  assert.is(list.size, 1);
  list.reach(2n ** 61n);
  await waits[2];
  // A number that the count has already passed waits for the next step: the list does not know
  // which numbers its caller has checked.
  const late = noted(order, 'late', list.wait(7n));
  assert.is(list.size, 1);
  list.reach(2n ** 61n + 1n);
  await late;
});

test('a count list refuses a part of its numbers', async () => {
  const list = new CountWaitList('calls');
  const log: string[] = [];
  const waits = [1n, 2n, 3n, 4n].map((number) => noted(log, `${number}`, list.wait(number)));
  list.refuse('no', 1n, 3n);
  list.reach(4n);
  await Promise.all(waits);
  assert.equal(log.sort(), ['1', '2: no', '3: no', '4']);
});

test('a list is full at its bound, and has a free place when a call leaves for any reason', async () => {
  for (const list of [new WaitList('calls of x'), new CountWaitList('calls of x')]) {
    const control = new AbortController();
    const wait = (signal?: AbortSignal) => (list instanceof WaitList ? list.wait(signal) : list.wait(9n, signal));
    const waits = Array.from({ length: WAITERS_MAX - 1 }, () => wait());
    const aborted = rejection(wait(control.signal));
    await refused(wait(), 'LANESTORE_CAPACITY', /65536 calls of x wait already/);
    control.abort('enough');
    assert.is(await aborted, 'enough');
    const last = wait();
    assert.is(list.size, WAITERS_MAX);
    if (list instanceof WaitList) list.release();
    else list.reach(9n);
    await Promise.all([...waits, last]);
    assert.is(list.size, 0);
    assert.is(await rejection(wait(control.signal)), 'enough', 'a signal that has aborted already');
  }
});

test('a signal gets one listener for all lists, and none once nothing waits with it', async () => {
  const { signal } = new AbortController();
  const listeners = () => getEventListeners(signal, 'abort').length;
  const [list, count] = [new WaitList('calls'), new CountWaitList('calls')];
  const waits = Array.from({ length: 500 }, () => [list.wait(signal), count.wait(1n, signal)]).flat();
  const forget = onAbort(signal, () => undefined);
  assert.is(listeners(), 1);
  list.release();
  count.reach(1n);
  await Promise.all(waits);
  assert.is(listeners(), 1, 'one is left');
  forget();
  forget();
  assert.is(listeners(), 0);
  for (let i = 0; i < 100; i++) {
    const wait = list.wait(signal);
    list.release();
    await wait;
  }
  assert.is(listeners(), 0);
});

test('an abort ends all waits with its signal, no others, and each callback runs once', async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const list = new WaitList('calls');
  const log: string[] = [];
  const waits = [first, second, first].map(({ signal }, i) => noted(log, `${i}`, list.wait(signal)));
  let calls = 0;
  onAbort(first.signal, () => calls++);
  first.abort('enough');
  await Promise.all([waits[0], waits[2]]);
  assert.equal([log, list.size, calls], [['0: enough', '2: enough'], 1, 1]);
  list.release();
  await waits[1];
});

test('a chain of calls, each of which ends the wait of the next, uses no stack', async () => {
  const list = new CountWaitList('calls');
  const length = 50_000;
  let reached = 0n;
  const links = Array.from({ length }, async (_, i) => {
    await list.wait(BigInt(i + 1));
    reached = BigInt(i + 1);
    list.reach(reached + 1n);
  });
  list.reach(1n);
  await Promise.all(links);
  assert.is(reached, BigInt(length));
});

test('any order of joins, leaves and steps: a call ends exactly when it should', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(fc.record({ wait: fc.nat(12) }), fc.record({ reach: fc.nat(14) }), fc.record({ abort: fc.nat(20) })),
        { maxLength: 40 },
      ),
      async (steps) => {
        const list = new CountWaitList('calls');
        const calls: { number: bigint; ended?: string; control: AbortController }[] = [];
        let expected: (string | undefined)[] = [];
        let reached = 0n;
        for (const step of steps) {
          if ('wait' in step) {
            const control = new AbortController();
            const number = reached + BigInt(step.wait) + 1n;
            const call: (typeof calls)[number] = { number, control };
            const end = (how: string) => {
              call.ended = how;
            };
            list.wait(number, control.signal).then(
              () => end('reached'),
              () => end('aborted'),
            );
            calls.push(call);
            expected.push(undefined);
          } else if ('reach' in step) {
            if (BigInt(step.reach) > reached) reached = BigInt(step.reach);
            list.reach(reached);
            expected = expected.map((end, i) => end ?? (calls[i]!.number <= reached ? 'reached' : undefined));
          } else if (step.abort < calls.length) {
            calls[step.abort]!.control.abort();
            expected[step.abort] ??= 'aborted';
          }
        }
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(
          calls.map(({ ended }) => ended),
          expected,
        );
        assert.is(list.size, expected.filter((end) => end === undefined).length);
      },
    ),
    { numRuns: 300 },
  ));

test.run();
