/** The admission gate: what refuses a call counts nothing, and a call of ready() waits for all that is short, however that changes. */
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

/** Looking for room does not keep a process alive, not even this one. */
let alive: NodeJS.Timeout;
test.before(() => {
  alive = setInterval(() => undefined, 1000);
});
test.after(() => clearInterval(alive));

/** A resource that a test takes away and gives back. */
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

/** Waits for what must happen. */
async function until(reached: () => boolean): Promise<void> {
  for (let tries = 0; !reached(); tries++) {
    if (tries === 2000) throw new Error('it did not happen within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a call that is refused by anything counts nowhere', () => {
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

test('a round that never fits is LANESTORE_INVALID before a resource is asked: none makes room for it', () => {
  const resource = new FakeResource();
  resource.hasRoom = false;
  refusedSync(() => gateOf(resource).admit(sized(51)), 'LANESTORE_INVALID');
  assert.equal(resource.checks, []);
});

test('a store that fails while a resource is asked admits nothing: nothing would settle the call', async () => {
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

test('ready() that waits for the queue goes on to wait for a resource that is short by then', async () => {
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

test('ready() that waits for a resource goes on to wait for the queue', async () => {
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
  test(`no resource is looked at any more once no call waits: ${how}`, async () => {
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

test('a signal that has aborted is refused with its reason, even if there is room or the store is closed', async () => {
  const gate = gateOf();
  assert.is(await rejection(gate.ready(AbortSignal.abort('enough'))), 'enough');
  gate.close(new LanestoreError('LANESTORE_CLOSED', 'closed'));
  assert.is(await rejection(gate.ready(AbortSignal.abort('enough'))), 'enough');
  await refused(gate.ready(), 'LANESTORE_CLOSED');
});

test.run();
