/**
 * The queue alone, over a writer that only records its calls: grouping, and that every call settles
 * once, in order, also after failures.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AdmissionGate, admissionLimits, freeOfCost } from '../../../../src/adapter/backpressure.js';
import type { Accepted, Maintenance } from '../../../../src/adapter/level/write/accepted.js';
import { CommitQueue, type GroupWriter } from '../../../../src/adapter/level/write/queue.js';
import { LanestoreError } from '../../../../src/errors.js';
import { turns } from '../../../support/held-level.js';
import { encodedRound } from '../values/encoded.js';

const test = suite('queue: order');

interface NotedBatch {
  readonly names: string[];
  isEmpty: boolean;
}

const FAILED = new LanestoreError('LANESTORE_FAILED', 'poisoned');
const ROUND = encodedRound();

/** A queue, and a ledger of what settled and how. */
class Bench implements GroupWriter<NotedBatch> {
  readonly written: string[][] = [];
  readonly settled: string[] = [];
  readonly prepared = undefined;
  readonly queue: CommitQueue<NotedBatch>;
  readonly #gate: AdmissionGate;
  readonly #names = new Map<Accepted, string>();
  add: GroupWriter<NotedBatch>['add'] = (batch, call) => {
    batch.names.push(this.#names.get(call) ?? '');
    batch.isEmpty = false;
    return true;
  };
  onWrite: () => Promise<void> = async () => {};
  /** What was called between the batches. */
  readonly between: string[] = [];

  constructor(mergeBytesMax = 100) {
    this.#gate = new AdmissionGate(admissionLimits({}));
    const poison = () => FAILED;
    const tidyUp = () => void this.between.push('tidy');
    this.queue = new CommitQueue({ writer: this, gate: this.#gate, mergeBytesMax, tidyUp, poison });
  }

  begin(steps: readonly Maintenance[]): NotedBatch {
    return { names: steps.map(({ kind }) => kind), isEmpty: steps.length === 0 };
  }

  async write({ names }: NotedBatch): Promise<void> {
    this.written.push(names);
    await this.onWrite();
  }

  prepare(): undefined {}

  afterBatch(): void {}

  prepareAhead(): void {
    this.between.push('ready');
  }

  /** Queues a call: a round of so many bytes, or a drop of a lane. */
  push(name: string, what: number | string = 1): void {
    const cost = { ...freeOfCost(), bytes: typeof what === 'number' ? what : 0 };
    const settle = (error?: LanestoreError) =>
      void this.settled.push(error === undefined ? name : `${name} ${error.code}`);
    const call: Accepted =
      typeof what === 'number'
        ? { kind: 'round', plan: ROUND, cost, settle }
        : { kind: 'drop', lanes: [what], cost, settle };
    this.#names.set(call, name);
    this.#gate.admit(cost);
    this.queue.push(call);
  }

  step(): Promise<void> {
    const name = 'a step';
    return this.queue.maintain({ kind: 'empty', lanes: [] }).then(
      () => void this.settled.push(name),
      ({ code }: LanestoreError) => void this.settled.push(`${name} ${code}`),
    );
  }
}

const failed = (...names: string[]) => names.map((name) => `${name} LANESTORE_FAILED`);

test('steps go first; calls are grouped by bytes; one that is larger goes alone', async () => {
  const bench = new Bench();
  for (const [name, bytes] of Object.entries({ a: 60, b: 30, c: 20, d: 200, e: 10 })) bench.push(name, bytes);
  const step = bench.step();
  await bench.queue.idle();
  await step;
  assert.equal(bench.written, [['empty', 'a', 'b'], ['c'], ['d'], ['e']]);
  assert.equal(
    bench.settled.filter((name) => name !== 'a step'),
    ['a', 'b', 'c', 'd', 'e'],
  );
});

for (const isWaiting of [false, true]) {
  test(`tidies up after each batch, ${isWaiting ? 'if the next call waits already' : 'if the queue is empty'}`, async () => {
    const bench = new Bench();
    // As after the open: from now on nothing is to be tidied up before the first batch.
    await bench.queue.idle();
    const tidied: number[] = [];
    bench.onWrite = async () => {
      // A turn: what is done during the write of a batch is done before it ends.
      await new Promise((resolve) => setImmediate(resolve));
      tidied.push(bench.between.filter((name) => name === 'tidy').length);
      if (isWaiting && bench.written.length < 4) bench.push('next');
    };
    for (let batch = 0; batch < (isWaiting ? 1 : 4); batch++) {
      bench.push('a');
      await bench.queue.idle();
    }
    assert.is(tidied.length, 4);
    for (let batch = 1; batch < 4; batch++) assert.ok(tidied[batch]! > tidied[batch - 1]!, tidied.join());
    assert.is(bench.between.at(-1), 'ready');
  });
}

test('what the next batch needs is made ready when the queue is empty, or when a call arrives during a write', async () => {
  const bench = new Bench();
  bench.push('a');
  await bench.queue.idle();
  assert.equal(bench.between, ['tidy', 'tidy', 'ready']);
  bench.between.length = 0;
  bench.push('a');
  await turns(40);
  assert.equal(bench.between, ['tidy', 'ready'], 'not while the batch was written');
  bench.onWrite = async () => {
    const before = bench.between.length;
    if (bench.written.length < 3) bench.push('c');
    assert.equal(bench.between.slice(before), bench.written.length < 3 ? ['ready'] : []);
  };
  bench.push('b');
  await bench.queue.idle();
  assert.is(bench.written.length, 3);
});

test('a writer that leaves a call to the next batch is given it first there', async () => {
  const bench = new Bench();
  const { add } = bench;
  bench.add = (batch, call) => (batch.names.length < 2 ? add(batch, call) : false);
  for (const name of ['a', 'b', 'c', 'd', 'e']) bench.push(name);
  await bench.queue.idle();
  assert.equal(bench.written, [['a', 'b'], ['c', 'd'], ['e']]);
});

for (const at of [0, 1, 2]) {
  test(`composing fails at call ${at}: calls, steps and slow drops settle once, in order`, async () => {
    const bench = new Bench();
    const { add } = bench;
    let count = 0;
    bench.add = (batch, call) => {
      if (count++ === at) throw new Error('cannot be composed');
      return call.kind === 'drop' ? new Promise<void>(() => {}) : add(batch, call);
    };
    const step = bench.step();
    bench.push('drop', '0a');
    bench.push('a');
    bench.push('b');
    await step;
    await bench.queue.idle();
    await turns();
    assert.equal(
      bench.settled.filter((line) => !line.startsWith('a step')),
      failed('drop', 'a', 'b'),
    );
    assert.ok(bench.settled.includes('a step LANESTORE_FAILED'));
    assert.equal(bench.written, []);
    await bench.step();
    assert.is(bench.settled.at(-1), 'a step LANESTORE_FAILED', 'it takes nothing more');
  });
}

test('a write fails: its calls settle before the calls that wait, and nothing more is written', async () => {
  const bench = new Bench(1);
  bench.onWrite = async () => {
    if (bench.written.length === 1) return;
    bench.push('d');
    throw new Error('EIO');
  };
  for (const name of ['a', 'b', 'c']) bench.push(name);
  await bench.queue.idle();
  assert.equal(bench.settled, ['a', ...failed('b', 'c', 'd')]);
  assert.equal(bench.written, [['a'], ['b']]);
});

test('the store fails while a batch is in flight: the calls that wait settle, the batch settles by itself', async () => {
  const bench = new Bench(1);
  let land = () => {};
  bench.onWrite = () => new Promise((resolve) => (land = resolve));
  bench.push('a');
  bench.push('b');
  await turns();
  bench.queue.fail(new Error('elsewhere'));
  assert.equal(bench.settled, failed('b'));
  let isIdle = false;
  const idle = bench.queue.idle().then(() => {
    isIdle = true;
  });
  await turns();
  assert.not.ok(isIdle, 'a batch is in flight');
  land();
  await idle;
  assert.equal(bench.settled, [...failed('b'), 'a']);
  assert.equal(bench.written, [['a']]);
});

test.run();
