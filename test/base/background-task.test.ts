/** Background tasks: one run at a time, and no run after stop(). */
import { setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BackgroundTask } from '../../src/base/background-task.js';

const test = suite('background task');

/** Runs that end when the test ends them, and the number of requested runs. */
class Runs {
  readonly ends: (() => void)[] = [];
  left = 0;
  asked = 0;
  readonly task: BackgroundTask;

  constructor(repeats: boolean) {
    this.task = new BackgroundTask(
      () => {
        this.asked++;
        if (this.left === 0) return undefined;
        this.left--;
        return () => new Promise<void>((resolve) => this.ends.push(resolve));
      },
      { repeats },
    );
  }

  /** Ends the current run, and waits until the task has seen that. */
  async end(): Promise<void> {
    const { running } = this.task;
    this.ends.shift()?.();
    await running;
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await setTimeout(5);
}

test('a kick begins a run if there is work, and no second run at the same time', async () => {
  const runs = new Runs(true);
  runs.task.kick();
  assert.is(runs.task.running, undefined);
  runs.left = 2;
  runs.task.kick();
  runs.task.kick();
  assert.is(runs.ends.length, 1);
  assert.is(runs.asked, 2);
});

test('after a run the task looks for more work', async () => {
  const runs = new Runs(true);
  runs.left = 2;
  runs.task.kick();
  await runs.end();
  assert.is(runs.ends.length, 1, 'the second run has begun');
  await runs.end();
  assert.is(runs.task.running, undefined);
  assert.is(runs.asked, 3);
});

test('a task that does not repeat waits for a kick after each run', async () => {
  const runs = new Runs(false);
  runs.left = 2;
  runs.task.kick();
  await runs.end();
  assert.is(runs.task.running, undefined);
  assert.is(runs.asked, 1);
  runs.task.kick();
  assert.is(runs.ends.length, 1);
});

test('stop waits for the current run, and no kick begins another', async () => {
  const runs = new Runs(true);
  runs.left = 2;
  runs.task.kick();
  let isOver = false;
  const stopped = runs.task.stop().then(() => {
    isOver = true;
  });
  await setTimeout(10);
  assert.not.ok(isOver);
  assert.ok(runs.task.isStopped);
  await runs.end();
  await stopped;
  runs.task.kick();
  assert.is(runs.ends.length, 0);
  assert.is(runs.asked, 1);
});

test('a run can halt its own task', async () => {
  let runs = 0;
  const task: BackgroundTask = new BackgroundTask(() => async () => {
    runs++;
    task.halt();
  });
  task.kick();
  await task.running;
  task.kick();
  assert.is(runs, 1);
});

test('a delayed kick fires once, and not after stop', async () => {
  const runs = new Runs(true);
  runs.left = 5;
  runs.task.kickAfter(1, true);
  runs.task.kickAfter(1, true);
  await until(() => runs.ends.length > 0);
  assert.is(runs.asked, 1);
  await runs.end();
  const late = new Runs(true);
  late.left = 1;
  late.task.kickAfter(1, true);
  await late.task.stop();
  late.task.kickAfter(1, true);
  await setTimeout(20);
  assert.is(late.asked, 0);
});

test.run();
