/**
 * Copies of a validator with sinks: cloned, restored from older states and under new ids, killed,
 * cut off from any sink, while sinks fail and come back. What leaves all copies together has no two
 * digests in one place. The same property finds each way to do it wrong.
 */
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SigningHistory } from '../../../src/adapter/index.js';
import { hex } from '../../../src/base/bytes.js';
import { isLanestoreError, LanestoreError } from '../../../src/errors.js';
import {
  openGuard,
  type WitnessClaim,
  type WitnessKey,
  type WitnessRecord,
  type WitnessSink,
} from '../../../src/guard/index.js';
import { copyOf, ToyDisk, ToyStore } from '../../conformance/toy-store.js';
import { SEED } from '../../support/history.js';
import { plain, plainVote } from '../../support/plain-model.js';
import { KEY, type PlainGuard } from '../support.js';
import { MemoryWitness, type Records } from './memory.js';

const test = suite('guard: sinks, properties');

const SINKS = 3;
const COPIES = 3;

/** How a validator uses its sinks. */
interface Use {
  readonly mode: 'before' | 'after';
  /** The sink as one copy has it. */
  readonly sink: (name: string, records: Records) => MemoryWitness;
  /** All sinks as the guard gets them. */
  readonly all: (sinks: readonly MemoryWitness[]) => readonly WitnessSink[];
}

const SOUND: Use = {
  mode: 'before',
  sink: (name, records) => new MemoryWitness(name, records),
  all: (sinks) => sinks,
};

/** Two stores never meet: each has a record of its own. */
class KeyedByStore extends MemoryWitness {
  store = '';

  override nameOf(key: WitnessKey | SigningHistory): string {
    return `${super.nameOf(key)} ${this.store}`;
  }
}

/** Claims fence no one: puts are ordered by their batches alone. */
class SeqOnly extends MemoryWitness {
  override mayPut({ last }: WitnessRecord, _: WitnessClaim, history: SigningHistory): boolean {
    if (last !== undefined && history.seq < last.history.seq)
      throw new LanestoreError('LANESTORE_OUT_OF_SEQUENCE', 'no');
    return true;
  }
}

/** One sink of all that are reached is enough, for reads and for writes. */
function anyOf(sinks: readonly MemoryWitness[]): readonly WitnessSink[] {
  const holders = new Map<string, WitnessClaim>();
  const first = async <T>(call: (sink: MemoryWitness) => Promise<T>): Promise<T> => {
    const outcomes = await Promise.allSettled(sinks.map(call));
    const done = outcomes.find((outcome) => outcome.status === 'fulfilled');
    if (done === undefined) throw (outcomes[0] as PromiseRejectedResult).reason;
    return done.value;
  };
  return [
    {
      name: 'any',
      read: (key) => first((sink) => sink.read(key)),
      claim: async (key, holder) => {
        const record = await first(async (sink) => {
          const claimed = await sink.claim(key, holder);
          holders.set(sink.name, { epoch: claimed.epoch, holder });
          return claimed;
        });
        return record;
      },
      put: (claim, history) => first((sink) => sink.put(holders.get(sink.name) ?? claim, history)),
    },
  ];
}

const WEAKENED: Record<string, Use> = {
  'released before the sinks': { ...SOUND, mode: 'after' },
  'sinks keyed by store': { ...SOUND, sink: (name, records) => new KeyedByStore(name, records) },
  'sinks ordered by batches alone': { ...SOUND, sink: (name, records) => new SeqOnly(name, records) },
  'quorums that miss each other': { ...SOUND, all: anyOf },
};

type Step =
  | { readonly kind: 'vote'; readonly copy: number; readonly road: number; readonly choice: number }
  | { readonly kind: 'start' | 'kill'; readonly copy: number }
  | { readonly kind: 'clone' | 'restore' | 'reimport'; readonly from: number; readonly to: number }
  | { readonly kind: 'reach'; readonly copy: number; readonly sinks: readonly number[] };

const copy = fc.nat(COPIES - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: fc.constant('vote' as const), copy, road: fc.integer({ min: 1, max: 4 }), choice: fc.nat(1) },
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('start', 'start', 'kill'), copy }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('clone', 'restore', 'reimport'), from: copy, to: copy }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('reach' as const), copy, sinks: fc.subarray([0, 1, 2]) }) },
);

function copied(disk: ToyDisk, store = disk.store): ToyDisk {
  const made = new ToyDisk(store);
  made.state = copyOf(disk.state);
  made.seq = disk.seq;
  made.inner = disk.inner;
  return made;
}

/** One copy of the validator, over its lives. */
interface Copy {
  disk: ToyDisk;
  /** An older state of the disk. */
  backup: ToyDisk;
  life: { readonly store: ToyStore; readonly guard: PlainGuard; isAlive: boolean } | undefined;
}

/** All copies, and what left them. */
class World {
  readonly released = new Map<string, string>();
  wrong: string | undefined;
  starts = 0;
  refused = 0;
  readonly #use: Use;
  readonly #records: readonly Records[] = Array.from({ length: SINKS }, () => new Map());
  readonly #copies: (Copy | undefined)[] = [];
  /** By copy, the sinks that it does not reach. */
  readonly #cuts: Set<number>[] = Array.from({ length: COPIES }, () => new Set());

  constructor(use: Use) {
    this.#use = use;
  }

  async begin(): Promise<void> {
    const disk = new ToyDisk();
    this.#copies[0] = { disk, backup: copied(disk), life: undefined };
    await this.start(0, true);
  }

  async take(next: Step): Promise<void> {
    switch (next.kind) {
      case 'vote':
        return this.#vote(next.copy, next.road, next.choice);
      case 'start':
        return this.start(next.copy);
      case 'kill':
        return this.#kill(next.copy);
      case 'clone':
        return this.#copy(next.from, next.to, ({ disk }) => copied(disk));
      case 'restore':
        return this.#copy(next.from, next.to, ({ backup }) => copied(backup));
      case 'reimport':
        // An operator says that this is the last state of the key, and is wrong. The new store
        // knows of no sinks.
        return this.#copy(next.from, next.to, ({ backup }) => {
          const disk = copied(backup, new ToyDisk().store);
          disk.state.votes = { ...disk.state.votes!, sinks: undefined };
          return disk;
        });
      case 'reach':
        this.#cuts[next.copy] = new Set([0, 1, 2].filter((sink) => !next.sinks.includes(sink)));
    }
  }

  async start(index: number, firstUse = false): Promise<void> {
    const own = this.#copies[index];
    if (own === undefined || own.life !== undefined) return;
    this.starts++;
    const { disk } = own;
    const store = new ToyStore(disk, {});
    const isAlive = () => own.life === undefined || own.life.store === store;
    const sinks = this.#records.map((records, i) => {
      const sink = this.#use.sink(`${i}`, records);
      if (sink instanceof KeyedByStore) sink.store = hex(disk.store);
      sink.before = () => {
        if (this.#cuts[index]?.has(i) || !isAlive()) throw new LanestoreError('LANESTORE_IO', 'cut off');
      };
      return sink;
    });
    const { mode, all } = this.#use;
    try {
      const options = { sinks: all(sinks), network: 'test', mode, sinkMsMax: 40 } as const;
      const opened = await openGuard({ store, model: plain, key: KEY, firstUse, ...options });
      own.life = { store, guard: opened as PlainGuard, isAlive: true };
      own.backup = copied(disk);
    } catch (error) {
      if (!isLanestoreError(error)) throw error;
      this.refused++;
      await store.close();
    }
  }

  async #vote(index: number, road: number, choice: number): Promise<void> {
    const life = this.#copies[index]?.life;
    if (life === undefined) return;
    const digest = new Uint8Array(32).fill(choice + 1);
    const work = life.guard.round({ votes: [plainVote('step', [BigInt(road), 0n], { digest })] });
    work.then(
      () => {
        if (!life.isAlive) return;
        const [place, given] = [`step ${road}`, hex(digest)];
        if ((this.released.get(place) ?? given) !== given) this.wrong ??= `${place} has two votes`;
        this.released.set(place, given);
      },
      (error: unknown) => {
        if (!isLanestoreError(error)) this.wrong ??= `${(error as Error).stack}`;
      },
    );
    for (let i = 0; i < 6; i++) await turn();
  }

  async #kill(index: number): Promise<void> {
    const own = this.#copies[index];
    if (own?.life === undefined) return;
    own.life.isAlive = false;
    // What the dead process still writes goes to a disk that is not read.
    own.disk = copied(own.disk);
    own.life = undefined;
  }

  async #copy(from: number, to: number, make: (own: Copy) => ToyDisk): Promise<void> {
    const source = this.#copies[from];
    if (source === undefined || from === to) return;
    await this.#kill(to);
    const disk = make(source);
    this.#copies[to] = { disk, backup: copied(disk), life: undefined };
    await this.start(to);
  }
}

async function run(steps: readonly Step[], use: Use): Promise<World> {
  const world = new World(use);
  await world.begin();
  for (const next of steps) await world.take(next);
  for (let i = 0; i < 20; i++) await turn();
  return world;
}

const RUNS = 600;
const steps = fc.array(step, { minLength: 8, maxLength: 40, size: 'max' });

test('copies, kills, restores, cut-off sinks: no place has two digests', async () => {
  const count = { released: 0, refused: 0, starts: 0 };
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const { wrong, released, refused, starts } = await run(list, SOUND);
      count.released += released.size;
      count.refused += refused;
      count.starts += starts;
      assert.is(wrong, undefined);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  assert.ok(count.released > RUNS / 2 && count.refused > RUNS / 4, JSON.stringify(count));
});

for (const [name, use] of Object.entries(WEAKENED)) {
  test(`the same property finds: ${name}`, async () => {
    const { failed } = await fc.check(
      fc.asyncProperty(steps, async (list) => (await run(list, use)).wrong === undefined),
      { numRuns: 20 * RUNS, seed: SEED, endOnFailure: true },
    );
    assert.ok(failed, 'no counterexample was found');
  });
}

test.run();
