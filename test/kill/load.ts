/**
 * Load for a store that will be killed: an endless list of calls, the same in every process for the
 * same seed and starting state, and the expected content after any number of them, computed with
 * the pure planner.
 */
import type { LevelOptions, ValueOptions } from '../../src/adapter/level/index.js';
import type { Cursor, Recovered, Round } from '../../src/adapter/persistence.js';
import { advance, emptyState, type PlanState } from '../../src/adapter/planner.js';
import { anchorPoint, type Plan } from '../../src/adapter/round-plan.js';
import type { LaneId } from '../../src/keys/index.js';
import { contentText } from '../support/content.js';
import { Random } from '../support/kill.js';
import { type PlainAnchor, type PlainBlock, type PlainQC, plain, plainQC } from '../support/plain-model.js';
import { planCommitQCs, planLane, planRound } from '../support/plan.js';

type PlainRound = Round<PlainBlock, PlainQC, PlainAnchor>;
type PlainPlan = Plan<PlainBlock, PlainQC, PlainAnchor>;
type PlainRecovered = Recovered<PlainBlock, PlainQC, PlainAnchor>;

/** One call of the port. */
export type Op =
  | { readonly kind: 'persist'; readonly round: PlainRound }
  | {
      readonly kind: 'lane';
      readonly lane: LaneId;
      readonly anchorQC: PlainQC | undefined;
      readonly blocks: PlainBlock[];
    }
  | { readonly kind: 'qcs'; readonly anchorQC: PlainQC | undefined; readonly commitQCs: PlainQC[] }
  | { readonly kind: 'drop'; readonly lanes: LaneId[] };

const COMPACTION = {
  level: { writeBufferBytes: 64 * 1024, tableFileBytes: 1024 * 1024 },
  blocks: [1, 4],
  bytes: [500, 12_000],
  anchorOneIn: 5,
  dropOneIn: 30,
  keep: 20,
  hookEvery: 1,
} as const;

/** Kinds of load. */
export const MODES = {
  /** Many small rounds. */
  plain: { level: {}, blocks: [1, 4], bytes: [0, 2000], anchorOneIn: 5, dropOneIn: 30, keep: 20, hookEvery: 1 },
  /** The smallest write buffer: tables are written and compacted continuously. */
  compaction: COMPACTION,
  /** The same with so much data that reading all of it takes longer than the lifetime of a file. */
  heavy: { ...COMPACTION, dropOneIn: 1000, keep: 600 },
  /** Small value files: they fill up, are collected and reused continuously. */
  values: {
    level: {},
    values: { fileBytes: 32 * 1024, valueBytesMin: 700, batchBytesMin: 1500, waitBytesMin: 1, portionBytesMin: 4096 },
    blocks: [1, 4],
    bytes: [0, 6000],
    anchorOneIn: 4,
    dropOneIn: 30,
    keep: 20,
    hookEvery: 1,
  },
  /** Truncations and drops of more than one batch deletes: stale keys are swept continuously. */
  sweeps: { level: {}, blocks: [500, 1500], bytes: [0, 1], anchorOneIn: 12, dropOneIn: 16, keep: 100, hookEvery: 97 },
} as const satisfies Record<string, LoadMode>;

interface LoadMode {
  readonly level: LevelOptions;
  readonly values?: ValueOptions;
  /** Blocks of a lane in a call. */
  readonly blocks: readonly [number, number];
  /** Bytes of a block. */
  readonly bytes: readonly [number, number];
  readonly anchorOneIn: number;
  readonly dropOneIn: number;
  /** Maximum number of blocks that an anchor leaves in a lane. */
  readonly keep: number;
  /** One hook in this many is reported. */
  readonly hookEvery: number;
}

export type ModeName = keyof typeof MODES;

/** Options of a store under that load. */
export function storeOptions(mode: ModeName): Pick<LoadMode, 'level' | 'values'> {
  const { level, values }: LoadMode = MODES[mode];
  return { level, ...(values === undefined ? {} : { values }) };
}

const LANES: readonly LaneId[] = ['0a', '0a0b', '0b', '0c', 'ff', 'ffff'];

/** The content of a store, against which the next call is planned. */
export class Held {
  state: PlanState = emptyState();
  #recovered: PlainRecovered = { commitQCs: [], blocks: new Map() };

  /** The recovered content. */
  static of(recovered: PlainRecovered, cursors: { lanes: ReadonlyMap<LaneId, Cursor>; commitQCs: Cursor }): Held {
    const held = new Held();
    held.#recovered = recovered;
    const anchor = recovered.anchor === undefined ? undefined : anchorPoint(plain, recovered.anchor);
    held.state = { lanes: new Map(cursors.lanes), commitQCs: cursors.commitQCs, anchor };
    return held;
  }

  /** An independent copy. */
  copy(): Held {
    const held = new Held();
    held.#recovered = this.#recovered;
    held.state = { ...this.state, lanes: new Map(this.state.lanes) };
    return held;
  }

  /** A text for comparison. */
  get text(): string {
    return contentText(this.#recovered, this.state);
  }

  apply(op: Op): void {
    if (op.kind === 'drop') {
      const blocks = new Map(this.#recovered.blocks);
      for (const lane of op.lanes) {
        this.state.lanes.delete(lane);
        blocks.delete(lane);
      }
      this.#recovered = { ...this.#recovered, blocks };
      return;
    }
    const plan = planOf(this.state, op);
    advance(this.state, plan);
    this.#recovered = after(this.#recovered, plan);
  }

  /** Lanes after the first step of a long drop: empty, with their cursors still stored. */
  empty(lanes: readonly LaneId[]): void {
    const blocks = new Map(this.#recovered.blocks);
    for (const lane of lanes) {
      const cursor = this.state.lanes.get(lane);
      if (cursor === undefined) continue;
      this.state.lanes.set(lane, { first: cursor.next, next: cursor.next });
      blocks.delete(lane);
    }
    this.#recovered = { ...this.#recovered, blocks };
  }
}

/** Only the cursors, for a process that makes the calls. */
export function planOf(state: PlanState, op: Exclude<Op, { kind: 'drop' }>): PlainPlan {
  switch (op.kind) {
    case 'persist':
      return planRound(plain, state, op.round);
    case 'lane':
      return planLane(plain, state, op.lane, op.anchorQC, op.blocks);
    case 'qcs':
      return planCommitQCs(plain, state, op.anchorQC, op.commitQCs);
  }
}

function after(before: PlainRecovered, plan: PlainPlan): PlainRecovered {
  const blocks = new Map(before.blocks);
  for (const [lane, log] of plan.lanes) {
    const held = [...(blocks.get(lane) ?? []), ...log.append].filter(({ number }) => number >= log.after.first);
    if (held.length > 0) blocks.set(lane, held);
    else blocks.delete(lane);
  }
  const qcs = plan.commitQCs;
  const commitQCs =
    qcs === undefined
      ? before.commitQCs
      : [...before.commitQCs, ...qcs.append].filter(({ index }) => index >= qcs.after.first);
  return {
    ...before,
    blocks,
    commitQCs,
    ...(plan.anchor === undefined ? {} : { anchor: plan.anchor.entry }),
    ...(plan.inner === undefined ? {} : { inner: plan.inner }),
  };
}

/** True if the call affects one of the lanes, so that it waits for their drop. */
export function touches(op: Op, lanes: readonly LaneId[]): boolean {
  if (op.kind === 'drop') return true;
  const blocks = op.kind === 'persist' ? [...(op.round.blocks ?? [])] : op.kind === 'lane' ? op.blocks : [];
  return blocks.some(({ lane }) => lanes.includes(lane));
}

/** Generates calls; a store with the content of the earlier calls accepts each of them. */
export class Load {
  readonly #random: Random;
  /** A separate generator, so that bad calls do not change the sequence of good ones. */
  readonly #badRandom: Random;
  readonly #mode: LoadMode;
  readonly #tag: string;
  readonly #state: PlanState;
  #count = 0;

  constructor(seed: number, mode: ModeName, state: PlanState) {
    this.#random = new Random(seed);
    this.#badRandom = new Random(seed + 1);
    this.#mode = MODES[mode];
    this.#tag = `${seed}`;
    this.#state = { ...state, lanes: new Map(state.lanes) };
  }

  next(): Op {
    const op = this.#make();
    if (op.kind === 'drop') for (const lane of op.lanes) this.#state.lanes.delete(lane);
    else advance(this.#state, planOf(this.#state, op));
    this.#count++;
    return op;
  }

  /** A call that every store must refuse now, without any effect. */
  bad(): Op {
    const lane = this.#badRandom.pick(LANES);
    const next = this.#state.lanes.get(lane)?.next;
    const bad = (of: LaneId, number: bigint): PlainBlock => ({ lane: of, number, data: new Uint8Array(5) });
    if (next === undefined) return { kind: 'lane', lane, anchorQC: undefined, blocks: [bad(`${lane}00`, 0n)] };
    const number = this.#badRandom.oneIn(2) || next === 0n ? next + 1n : next - 1n;
    return { kind: 'persist', round: { inner: new Uint8Array(5), blocks: [bad(lane, number)] } };
  }

  #make(): Op {
    const random = this.#random;
    if (random.oneIn(this.#mode.dropOneIn))
      return { kind: 'drop', lanes: [...new Set([random.pick(LANES), random.pick(LANES)])] };
    if (random.oneIn(4)) {
      const lane = random.pick(LANES);
      const anchorQC = random.oneIn(4) ? plainQC(this.#state.commitQCs.next, { [lane]: this.#start(lane) }) : undefined;
      return { kind: 'lane', lane, anchorQC, blocks: this.#blocks(lane, anchorQC) };
    }
    if (random.oneIn(6))
      return {
        kind: 'qcs',
        anchorQC: random.oneIn(6) ? this.#qc(this.#state.commitQCs.next) : undefined,
        commitQCs: this.#qcs(),
      };
    return { kind: 'persist', round: this.#round() };
  }

  #round(): PlainRound {
    const random = this.#random;
    const anchor = random.oneIn(this.#mode.anchorOneIn) ? this.#anchor() : undefined;
    // An older anchor changes nothing.
    const effective = anchor !== undefined && anchor.index >= (this.#state.anchor?.index ?? 0n) ? anchor.qc : undefined;
    const lanes = LANES.filter(() => random.oneIn(3));
    return {
      anchor,
      inner: random.oneIn(3) ? new TextEncoder().encode(`inner ${this.#tag} ${this.#count}`) : undefined,
      commitQCs: anchor === undefined ? this.#qcs() : [],
      blocks: lanes.flatMap((lane) => this.#blocks(lane, effective)),
    };
  }

  #anchor(): PlainAnchor {
    const random = this.#random;
    const { first, next } = this.#state.commitQCs;
    const older = this.#state.anchor !== undefined && random.oneIn(8);
    const index = older
      ? this.#state.anchor!.index - (this.#state.anchor!.index > 0n ? 1n : 0n)
      : random.oneIn(5)
        ? next + BigInt(random.int(0, 3))
        : first + (next - first) / 2n;
    const starts = LANES.filter(() => !random.oneIn(5)).map((lane) => [lane, this.#start(lane)] as const);
    return { index, qc: plainQC(index, Object.fromEntries(starts)) };
  }

  /**
   * The start of a lane in a CommitQC: mostly within the lane, so that some blocks remain,
   * sometimes beyond its end.
   */
  #start(lane: LaneId): bigint {
    const cursor = this.#state.lanes.get(lane);
    if (cursor === undefined) return this.#state.anchor?.laneStarts.get(lane) ?? 0n;
    const start =
      cursor.next + BigInt(this.#random.oneIn(6) ? this.#random.int(0, 4) : -this.#random.int(0, this.#mode.keep));
    return start < 0n ? 0n : start;
  }

  #qcs(): PlainQC[] {
    const { next } = this.#state.commitQCs;
    const from = this.#random.oneIn(4) && next > 0n ? next - 1n : next;
    return Array.from({ length: this.#random.int(0, 3) }, (_, i) => this.#qc(from + BigInt(i)));
  }

  #qc(index: bigint): PlainQC {
    return plainQC(index, { '0a': this.#random.int(0, 1000) });
  }

  #blocks(lane: LaneId, qc: PlainQC | undefined): PlainBlock[] {
    const start = qc?.starts.find(([candidate]) => candidate === lane)?.[1] ?? 0n;
    const cursor = this.#state.lanes.get(lane);
    // A lane without blocks begins where the anchor says, or anywhere.
    const known = this.#state.anchor?.laneStarts.get(lane) ?? 0n;
    const baseline = qc === undefined ? known : start > known ? start : known;
    const begin = baseline > 0n ? baseline : BigInt(this.#random.int(0, 50));
    const from = cursor === undefined ? begin : start > cursor.next ? start : cursor.next;
    const [least, most] = this.#mode.blocks;
    return Array.from({ length: this.#random.int(least, most) }, (_, i) => this.#block(lane, from + BigInt(i)));
  }

  #block(lane: LaneId, number: bigint): PlainBlock {
    const text = `${this.#tag} ${this.#count} ${lane} ${number} `;
    const [least, most] = this.#mode.bytes;
    const data = new Uint8Array(Buffer.alloc(text.length + this.#random.int(least, most), text));
    return { lane, number, data };
  }
}
