/**
 * A guard whose process is killed at any moment, whose signer is slow or fails, and whose store
 * loses all data that is not durable. The votes released by all runs never have two digests in one
 * place, and never forget a lock. The same property fails over a store that acknowledges early.
 */
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Guard, openGuard } from '../../src/guard/index.js';
import { autobahn, type Msg, type SignedBlock, type SignedMsg } from '../../src/model/autobahn/index.js';
import { copyOf, ToyDisk, type ToyHooks, type ToyPlan, type ToyRound, ToyStore } from '../conformance/toy-store.js';
import { SEED } from '../support/history.js';
import { plain, plainQC } from '../support/plain-model.js';
import { anyVote } from '../support/vote-messages.js';
import { ReleaseOracle } from '../support/vote-oracle.js';

const test = suite('guard: properties');

/** Blocks and CommitQCs are those of the tests, votes those of Autobahn. */
const MODEL = { ...plain, votes: autobahn.votes as unknown as typeof plain.votes };
const KEY = new Uint8Array(32).fill(1);
const ROADS = 3;

/** A store whose disk continues on request. */
class StepStore extends ToyStore {
  oracle: ReleaseOracle | undefined;
  #steps: (() => void)[] = [];

  override get model() {
    return MODEL;
  }

  override enqueue(step: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const take = () => {
        try {
          step();
          resolve();
        } catch (error) {
          reject(error);
        }
      };
      this.#steps = [...(this.#steps ?? []), take];
    });
  }

  /** Makes the next `count` calls durable. */
  sync(count: number): void {
    for (const take of this.#steps.splice(0, count)) take();
  }

  override write(plan: ToyPlan): void {
    super.write(plan);
    for (const { vote, digest } of plan.notify.votes ?? [])
      this.oracle?.durable({ msg: vote as unknown as Msg, digest });
  }
}

/** A store that fires hooks and resolves as soon as it has accepted a call. */
class EarlyStore extends StepStore {
  override async persist(round: ToyRound, hooks: ToyHooks = {}): Promise<void> {
    const votes = [...(round.votes ?? [])];
    let isRefused = false;
    super.persist(round, {}).catch(() => {
      isRefused = true;
    });
    await undefined;
    if (isRefused) throw new Error('refused');
    for (const vote of votes) hooks.vote?.(vote, MODEL.votes.digest(vote as never));
  }
}

type Step =
  | { readonly kind: 'round'; readonly votes: readonly Msg[] }
  | { readonly kind: 'answer' | 'fail' | 'sync' | 'kill'; readonly count: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('round' as const),
      votes: fc.array(anyVote, { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('answer', 'sync'), count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('fail', 'kill'), count: fc.nat(3) }) },
);

/** One validator over all runs of its process. */
class Validator {
  readonly oracle = new ReleaseOracle();
  wrong: string | undefined;
  readonly #Store: new (
    disk: ToyDisk,
    options: object,
  ) => StepStore;
  #disk = new ToyDisk();
  #life:
    | { readonly store: StepStore; readonly guard: Guard<Msg, SignedBlock, SignedMsg>; isAlive: boolean }
    | undefined;
  #signing: { readonly digest: Uint8Array; answer(signature: Uint8Array): void; fail(error: unknown): void }[] = [];

  constructor(Store: new (disk: ToyDisk, options: object) => StepStore) {
    this.#Store = Store;
  }

  async start(): Promise<void> {
    const store = new this.#Store(this.#disk, {});
    store.oracle = this.oracle;
    const sign = (digest: Uint8Array) =>
      new Promise<Uint8Array>((answer, fail) => this.#signing.push({ digest, answer, fail }));
    const opening = openGuard({ store, model: MODEL, sign, signer: KEY, firstUse: true, signMsMax: 5_000 });
    const qcs = store.persist({ commitQCs: Array.from({ length: ROADS }, (_, i) => plainQC(i)) });
    await turn();
    store.sync(9);
    await qcs;
    const guard = (await opening) as unknown as Guard<Msg, SignedBlock, SignedMsg>;
    this.#life = { store, guard, isAlive: true };
  }

  round(votes: readonly Msg[]): void {
    const life = this.#life!;
    life.guard.round({ votes, inner: () => new Uint8Array(1) }).then(
      (signed) => {
        if (life.isAlive) for (const { msg, sig } of signed) this.#release(msg, sig.sig);
      },
      () => undefined,
    );
  }

  answer(count: number): void {
    for (const { digest, answer } of this.#signing.splice(0, count)) answer(signatureOf(digest));
  }

  fail(count: number): void {
    for (const { fail } of this.#signing.splice(0, count)) fail(new Error('no HSM'));
  }

  sync(count: number): void {
    this.#life?.store.sync(count);
  }

  /**
   * Ends the process after the next `lasting` calls have become durable, before anything of them is
   * released.
   */
  async kill(lasting: number): Promise<void> {
    const { store } = this.#life!;
    this.#life!.isAlive = false;
    store.sync(lasting);
    // Later writes of the dead process go to a disk that is never read.
    store.oracle = undefined;
    const disk = new ToyDisk();
    disk.state = copyOf(this.#disk.state);
    disk.commitQCs = [...this.#disk.commitQCs];
    disk.inner = this.#disk.inner;
    this.#disk = disk;
    this.#signing = [];
    await this.start();
  }

  #release(msg: Msg, signature: Uint8Array): void {
    const digest = autobahn.votes.digest(msg);
    assert.equal(signature, signatureOf(digest), 'what leaves is signed as what it is');
    this.wrong ??= this.oracle.release({ msg, digest });
  }
}

function signatureOf(digest: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha512').update(KEY).update(digest).digest());
}

async function run(steps: readonly Step[], Store: typeof StepStore): Promise<Validator> {
  const validator = new Validator(Store);
  await validator.start();
  for (const next of steps) {
    if (next.kind === 'round') validator.round(next.votes);
    else await validator[next.kind](next.count);
    await turn();
  }
  for (let i = 0; i < 3; i++) {
    validator.answer(99);
    await turn();
    validator.sync(99);
    await turn();
  }
  return validator;
}

const RUNS = 400;
const steps = fc.array(step, { maxLength: 60, size: 'max' });

test('kills, slow and failing signers: one digest a place leaves, no lock is forgotten', async () => {
  let released = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const { wrong, oracle } = await run(list, StepStore);
      released += oracle.count;
      assert.is(wrong, undefined);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  assert.ok(released > RUNS, `signatures leave: ${released}`);
});

test('the same property finds a store that acknowledges before it is durable', async () => {
  const { failed } = await fc.check(
    fc.asyncProperty(steps, async (list) => (await run(list, EarlyStore)).wrong === undefined),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
  assert.ok(failed, 'no counterexample was found');
});

test.run();
