/**
 * The admission gate: a refused call reserves nothing, and a call of ready() waits until every
 * resource has room, in whatever order they free up.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AdmissionGate,
  admissionLimits,
  type Cost,
  freeOfCost,
  LOOK_EVERY_MS,
  type Resource,
} from '../../src/adapter/backpressure.js';
import { LanestoreError } from '../../src/errors.js';
import { refused, refusedSync, rejection } from '../support/faults.js';

const test = suite('admission');

/** Keeps the event loop alive: the timer of the gate is unreferenced and would not. */
let alive: NodeJS.Timeout;
test.before(() => {
  alive = setInterval(() => undefined, 1000);
});
test.after(() => clearInterval(alive));

/** A resource whose room a test takes away and gives back. */
class FakeResource implements Resource {
  hasRoom = true;
  taken = 0;
  looks = 0;
  checks: number[] = [];
  onCheck = () => {};
  onLook = () => {};

  check({ bytes }: Cost): void {
    this.checks.push(bytes);
    this.onCheck();
    if (!this.hasRoom) throw new LanestoreError('LANESTORE_CAPACITY', 'no room');
  }

  enter({ bytes }: Cost): void {
    this.taken += bytes;
  }

  leave({ bytes }: Cost): void {
    this.taken -= bytes;
  }

  forgetRefusals(): void {
    this.hasRoom = true;
  }

  async look(): Promise<void> {
    this.looks++;
    this.onLook();
  }
}

function gateOf(...resources: Resource[]): AdmissionGate {
  return new AdmissionGate(admissionLimits({ maxRoundBytes: 50, maxQueuedBytes: 10 }), resources);
}

const sized = (bytes: number): Cost => ({ ...freeOfCost(), bytes });

/** Polls until the condition holds. */
async function until(reached: () => boolean): Promise<void> {
  for (let tries = 0; !reached(); tries++) {
    if (tries === 2000) throw new Error('it did not happen within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a refused call reserves nothing, whatever refused it', () => {
  const [first, second] = [new FakeResource(), new FakeResource()];
  const gate = gateOf(first, second);
  second.hasRoom = false;
  refusedSync(() => gate.admit(sized(1)), 'LANESTORE_CAPACITY');
  second.hasRoom = true;
  gate.admit(sized(10));
  refusedSync(() => gate.admit(sized(1)), 'LANESTORE_CAPACITY');
  assert.equal([gate.queuedBytes, first.taken, second.taken], [10, 10, 10]);
  gate.dequeue(10, 1);
  assert.equal([gate.queuedBytes, first.taken], [0, 10]);
  gate.settle(sized(10));
  assert.equal([first.taken, second.taken], [0, 0]);
});

test('a round larger than the limit is LANESTORE_INVALID before a resource is asked for room', () => {
  const resource = new FakeResource();
  resource.hasRoom = false;
  refusedSync(() => gateOf(resource).admit(sized(51)), 'LANESTORE_INVALID');
  assert.equal(resource.checks, []);
});

test('a store that fails while a resource is asked admits nothing: the call could never settle', async () => {
  const resource = new FakeResource();
  const gate = gateOf(resource);
  const failure = new LanestoreError('LANESTORE_FAILED', 'the disk is gone');
  resource.onCheck = () => gate.close(failure);
  assert.is(
    refusedSync(() => gate.admit(sized(1)), 'LANESTORE_FAILED'),
    failure,
  );
  assert.equal([gate.queuedBytes, resource.taken], [0, 0]);
  assert.is(await rejection(gate.ready()), failure);
});

test('ready() that waited for the queue then waits for a resource that has become short', async () => {
  const resource = new FakeResource();
  const gate = gateOf(resource);
  gate.admit(sized(10));
  let isReady = false;
  const ready = gate.ready().then(() => {
    isReady = true;
  });
  resource.hasRoom = false;
  gate.dequeue(10, 1);
  await until(() => resource.looks > 1);
  assert.not.ok(isReady);
  resource.onLook = () => {
    resource.hasRoom = true;
  };
  await ready;
});

test('ready() that waited for a resource then waits for the queue', async () => {
  const resource = new FakeResource();
  const gate = gateOf(resource);
  resource.hasRoom = false;
  let isReady = false;
  const ready = gate.ready().then(() => {
    isReady = true;
  });
  resource.hasRoom = true;
  gate.admit(sized(10));
  await new Promise((resolve) => setTimeout(resolve, 2 * LOOK_EVERY_MS));
  assert.not.ok(isReady);
  gate.dequeue(10, 1);
  await ready;
});

for (const [how, end] of Object.entries({
  'its signal aborts': (_: AdmissionGate, control: AbortController) => control.abort(new Error('enough')),
  'the store is closed': (gate: AdmissionGate) => gate.close(new LanestoreError('LANESTORE_CLOSED', 'closed')),
})) {
  test(`no resource is polled once no call waits: ${how}`, async () => {
    const resource = new FakeResource();
    const gate = gateOf(resource);
    resource.hasRoom = false;
    const control = new AbortController();
    const waiting = rejection(gate.ready(control.signal));
    await until(() => resource.looks > 0);
    end(gate, control);
    await waiting;
    const { looks } = resource;
    await new Promise((resolve) => setTimeout(resolve, 3 * LOOK_EVERY_MS));
    assert.is(resource.looks, looks);
    assert.not.ok(gate.isAwaited);
  });
}

test('a signal that is already aborted rejects with its reason, even if there is room or the store is closed', async () => {
  const gate = gateOf();
  assert.is(await rejection(gate.ready(AbortSignal.abort('enough'))), 'enough');
  gate.close(new LanestoreError('LANESTORE_CLOSED', 'closed'));
  assert.is(await rejection(gate.ready(AbortSignal.abort('enough'))), 'enough');
  await refused(gate.ready(), 'LANESTORE_CLOSED');
});

test.run();
