/**
 * Random histories of a store: fast-check generates seeds, which become calls that depend on the
 * state of the oracle. The same seeds give the same calls on every backend; history-run.ts runs
 * them.
 */
import fc from 'fast-check';
import type { Call, Oracle } from './oracle.js';
import { LANES, type PlainAnchor, type PlainBlock, type PlainQC, plainBlock } from './plain-model.js';

/**
 * The seed of every random test; `LANESTORE_SEED` overrides it. fast-check prints it when a
 * property fails.
 */
export const SEED = Number(process.env.LANESTORE_SEED ?? 20260324);

/** The start of a lane in a generated CommitQC, relative to the lane's current range. */
type StartSeed = 'omitted' | 'zero' | 'inside' | 'next' | 'beyond' | 'far' | 'top';

interface QCSeed {
  readonly index: 'older' | 'stored' | 'inside' | 'next' | 'beyond' | 'far' | 'invalid';
  readonly starts: readonly StartSeed[];
  readonly step: number;
}

interface BlocksSeed {
  readonly lane: number;
  readonly kind: 'next' | 'duplicate' | 'gap' | 'invalid';
  readonly count: number;
}

interface CertificatesSeed {
  readonly kind: 'next' | 'repeat' | 'gap';
  readonly count: number;
}

/** A call before the content of the store is known. */
export type CallSeed = { readonly pause: boolean; readonly throwAt: number | undefined } & (
  | {
      readonly kind: 'persist';
      readonly anchor: QCSeed | undefined;
      readonly disagree: boolean;
      readonly inner: boolean;
      readonly commitQCs: CertificatesSeed | undefined;
      readonly blocks: readonly BlocksSeed[];
    }
  | {
      readonly kind: 'lane';
      readonly anchorQC: QCSeed | undefined;
      readonly blocks: readonly BlocksSeed[];
      readonly lane: number;
    }
  | { readonly kind: 'commitQCs'; readonly anchorQC: QCSeed | undefined; readonly commitQCs: CertificatesSeed }
  | { readonly kind: 'anchor'; readonly anchor: QCSeed }
  | { readonly kind: 'drop'; readonly lanes: readonly number[] }
  | { readonly kind: 'burst'; readonly lane: number }
);

/** A read among the calls of a step. */
export interface ReadSeed {
  readonly kind: 'block' | 'commitQC' | 'blocks' | 'commitQCs';
  readonly lane: number;
  readonly offset: number;
}

/** A step of a history: concurrent calls with reads among them, or a close and a reopen. */
export type Step =
  | {
      readonly kind: 'calls';
      readonly calls: readonly CallSeed[];
      readonly reads: readonly ReadSeed[];
      readonly close: boolean;
    }
  | { readonly kind: 'reopen'; readonly load: boolean };

/** The possible contents of histories. */
export interface HistoryOptions {
  readonly stepsMax?: number;
  /**
   * Rounds of thousands of blocks, so that truncations and drops exceed one batch. Default false.
   */
  readonly bursts?: boolean;
}

/** Blocks of a burst: more than one batch may delete. */
const BURST = 4500;

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });
const lane = fc.nat(LANES.length - 1);
const start = fc.constantFrom<StartSeed>('omitted', 'zero', 'inside', 'inside', 'next', 'beyond', 'far', 'top');
const qcSeed: fc.Arbitrary<QCSeed> = fc.record({
  index: fc.constantFrom('older', 'stored', 'inside', 'inside', 'next', 'next', 'beyond', 'far', 'invalid'),
  starts: fc.array(
    fc.oneof({ weight: 30, arbitrary: start.filter((of) => of !== 'top') }, { weight: 1, arbitrary: start }),
    {
      minLength: LANES.length,
      maxLength: LANES.length,
    },
  ),
  step: fc.nat(3),
});
const blocksSeed: fc.Arbitrary<BlocksSeed> = fc.record({
  lane,
  kind: fc.oneof(
    { weight: 20, arbitrary: fc.constant('next' as const) },
    { weight: 1, arbitrary: fc.constantFrom('duplicate' as const, 'gap' as const, 'invalid' as const) },
  ),
  count: fc.integer({ min: 1, max: 5 }),
});
const certificates: fc.Arbitrary<CertificatesSeed> = fc.record({
  kind: fc.constantFrom('next', 'next', 'next', 'repeat', 'repeat', 'gap'),
  count: fc.nat(4),
});
const blocksSeeds = fc.array(blocksSeed, { maxLength: 4 });

function callSeed({ bursts = false }: HistoryOptions): fc.Arbitrary<CallSeed> {
  const common = {
    pause: fc.boolean(),
    throwAt: fc.option(fc.nat(3), { nil: undefined, freq: 12 }),
  };
  const kind = <K extends string>(of: K) => fc.constant(of);
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        ...common,
        kind: kind('persist'),
        anchor: optional(qcSeed),
        disagree: fc.integer({ min: 0, max: 15 }).map((n) => n === 15),
        inner: fc.boolean(),
        commitQCs: optional(certificates),
        blocks: blocksSeeds,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ ...common, kind: kind('lane'), anchorQC: optional(qcSeed), blocks: blocksSeeds, lane }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ ...common, kind: kind('commitQCs'), anchorQC: optional(qcSeed), commitQCs: certificates }),
    },
    { weight: 1, arbitrary: fc.record({ ...common, kind: kind('anchor'), anchor: qcSeed }) },
    { weight: 2, arbitrary: fc.record({ ...common, kind: kind('drop'), lanes: fc.array(lane, { maxLength: 2 }) }) },
    // Bursts and drops use few lanes, so that they overlap.
    ...(bursts ? [{ weight: 1, arbitrary: fc.record({ ...common, kind: kind('burst'), lane: fc.nat(1) }) }] : []),
    ...(bursts
      ? [
          {
            weight: 2,
            arbitrary: fc.record({ ...common, kind: kind('drop'), lanes: fc.constantFrom([0], [1], [0, 1]) }),
          },
        ]
      : []),
  );
}

/** Histories, as seeds. */
export function histories(options: HistoryOptions = {}): fc.Arbitrary<Step[]> {
  const read: fc.Arbitrary<ReadSeed> = fc.record({
    kind: fc.constantFrom('block', 'commitQC', 'blocks', 'commitQCs'),
    lane,
    offset: fc.integer({ min: -2, max: 6 }),
  });
  const calls = fc.record({
    kind: fc.constant('calls' as const),
    calls: fc.array(callSeed(options), { minLength: 1, maxLength: 6 }),
    reads: fc.array(read, { maxLength: 3 }),
    close: fc.integer({ min: 0, max: 9 }).map((n) => n === 9),
  });
  const reopen = fc.record({ kind: fc.constant('reopen' as const), load: fc.boolean() });
  const step = fc.oneof<[fc.WeightedArbitrary<Step>, fc.WeightedArbitrary<Step>]>(
    { weight: 6, arbitrary: calls },
    { weight: 1, arbitrary: reopen },
  );
  return fc.array(step, { minLength: 1, maxLength: options.stepsMax ?? 12, size: 'max' });
}

/** Turns seeds into calls that are valid, or wrong on purpose, in the state of the oracle. */
export class Resolver {
  #serial = 0;

  call(seed: CallSeed, state: Oracle): Call {
    const scratch = state.copy();
    const throwAt = seed.throwAt === undefined ? {} : { throwAt: seed.throwAt };
    switch (seed.kind) {
      case 'persist':
        return { kind: 'persist', ...this.#round(seed, scratch), ...throwAt };
      case 'lane': {
        const anchorQC = seed.anchorQC && qcOf(seed.anchorQC, scratch);
        const of = LANES[seed.lane]!;
        scratch.apply({ kind: 'lane', lane: of, anchorQC, blocks: [] });
        const begin = anchorQC?.starts.find(([candidate]) => candidate === of)?.[1] ?? 0n;
        const onLane = seed.blocks.map((blocks, i) => (i === 2 ? blocks : { ...blocks, lane: seed.lane }));
        return { kind: 'lane', lane: of, anchorQC, blocks: this.#blocks(onLane, scratch, begin), ...throwAt };
      }
      case 'commitQCs': {
        const anchorQC = seed.anchorQC && qcOf(seed.anchorQC, scratch);
        scratch.apply({ kind: 'commitQCs', anchorQC, commitQCs: [] });
        return { kind: 'commitQCs', anchorQC, commitQCs: certificatesOf(seed.commitQCs, scratch), ...throwAt };
      }
      case 'anchor': {
        const qc = qcOf(seed.anchor, scratch);
        return { kind: 'anchor', anchor: { index: qc.index, qc } };
      }
      case 'drop':
        return { kind: 'drop', lanes: seed.lanes.map((of) => LANES[of]!) };
      case 'burst':
        return {
          kind: 'persist',
          blocks: this.#blocks([{ lane: seed.lane, kind: 'next', count: BURST }], scratch, 0n),
        };
    }
  }

  #round(seed: CallSeed & { kind: 'persist' }, scratch: Oracle): Omit<Call & { kind: 'persist' }, 'kind'> {
    let anchor: PlainAnchor | undefined;
    if (seed.anchor !== undefined) {
      const qc = qcOf(seed.anchor, scratch);
      anchor = { index: seed.disagree ? qc.index + 1n : qc.index, qc };
      scratch.apply({ kind: 'anchor', anchor });
    }
    const commitQCs = seed.commitQCs && certificatesOf(seed.commitQCs, scratch);
    const blocks = this.#blocks(seed.blocks, scratch, 0n);
    return {
      ...(anchor === undefined ? {} : { anchor }),
      ...(seed.inner ? { inner: Buffer.from(`inner ${this.#serial++}`) } : {}),
      ...(commitQCs === undefined ? {} : { commitQCs }),
      blocks,
    };
  }

  /** The content of each block is different, so that a swapped block is detected. */
  #blocks(seeds: readonly BlocksSeed[], scratch: Oracle, begin: bigint): PlainBlock[] {
    const blocks: PlainBlock[] = [];
    for (const seed of seeds) {
      const of = LANES[seed.lane]!;
      const expected = scratch.lanes.get(of)?.next ?? maxOf(begin, scratch.startOf(of));
      // A lane with a free start begins where its first seed says.
      const from = expected === 0n && !scratch.lanes.has(of) ? BigInt(seed.count * 3) : expected;
      const first = { next: from, duplicate: from > 0n ? from - 1n : 0n, gap: from + 1n, invalid: 2n ** 64n - 1n }[
        seed.kind
      ];
      const run = Array.from({ length: seed.kind === 'invalid' ? 1 : seed.count }, (_, i) =>
        plainBlock(of, first + BigInt(i), `${this.#serial++}`),
      );
      blocks.push(...run);
      scratch.apply({ kind: 'lane', lane: of, anchorQC: undefined, blocks: run });
    }
    return blocks;
  }
}

export function maxOf(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function qcOf({ index, starts, step }: QCSeed, { qcs, anchor, lanes, ...state }: Oracle): PlainQC {
  void state;
  const stored = anchor?.index ?? 0n;
  const by = BigInt(step);
  const at = {
    older: maxOf(stored - 1n - by, 0n),
    stored,
    inside: qcs.first + ((qcs.next - qcs.first) * (by + 1n)) / 4n,
    next: qcs.next,
    beyond: qcs.next + 1n + by,
    far: qcs.next + 2n ** 40n,
    invalid: step === 3 ? 2n ** 64n - 1n : qcs.next,
  }[index];
  const pairs = starts.flatMap((seed, i) => {
    if (seed === 'omitted') return [];
    const { first, next } = lanes.get(LANES[i]!) ?? { first: 0n, next: 0n };
    const number = {
      zero: 0n,
      inside: first + ((next - first) * (by + 1n)) / 4n,
      next,
      beyond: next + 1n + by,
      far: next + 2n ** 40n,
      top: 2n ** 64n - 2n - by,
    }[seed];
    return [[LANES[i]!, minOf(number, 2n ** 64n - 1n)] as const];
  });
  return { index: minOf(at, 2n ** 64n - 1n), starts: pairs };
}

export function minOf(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function certificatesOf({ kind, count }: CertificatesSeed, { qcs }: Oracle): PlainQC[] {
  const first = { next: qcs.next, repeat: maxOf(qcs.next - 2n, 0n), gap: qcs.next + 1n }[kind];
  return Array.from({ length: count }, (_, i) => ({ index: first + BigInt(i), starts: [] }));
}
