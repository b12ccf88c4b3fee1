/** Work divided over turns of the event loop. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Turns } from '../../src/base/turns.js';

const test = suite('turns');

test('a turn ends with the step that reaches its limit, and the next one starts from zero', async () => {
  const turns = new Turns(10);
  assert.equal([turns.spend(4), turns.spend(5), turns.spend(1)], [false, false, true]);
  await turns.next();
  assert.not.ok(turns.spend(9));
});

test('next() resolves in this turn while the limit is not reached', async () => {
  const turns = new Turns(10);
  turns.spend(9);
  let passed = false;
  const immediate = new Promise<void>((resolve) => setImmediate(resolve)).then(() => assert.ok(passed));
  await turns.next();
  passed = true;
  await immediate;
});

test('all users share the work of a turn, and each of them finishes', async () => {
  const turns = new Turns(10);
  const inTurn = new Map<number, number>();
  let turn = 0;
  let done = false;
  const tick = () => {
    turn++;
    if (!done) setImmediate(tick);
  };
  setImmediate(tick);
  const work = async () => {
    for (let step = 0; step < 50; step++) {
      inTurn.set(turn, (inTurn.get(turn) ?? 0) + 1);
      if (turns.spend(1)) await turns.next();
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  done = true;
  const steps = [...inTurn.values()];
  assert.is(
    steps.reduce((sum, count) => sum + count, 0),
    200,
  );
  // First turn: each of the four does one step, and then finds the turn used up.
  assert.ok(Math.max(...steps) <= 13, `${Math.max(...steps)} steps in one turn`);
});

test.run();
