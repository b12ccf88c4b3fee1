/**
 * The expected content of a store after a history of calls, written only from docs/architecture.md,
 * Rules of the planner: plain maps, one call after the other, each on a copy that is kept if the
 * call is accepted. It shares no code with the planner.
 */
import type { Cursors, Recovered, Round } from '../../src/adapter/persistence.js';
import type { LanestoreErrorCode } from '../../src/errors.js';
import type { PlainAnchor, PlainBlock, PlainQC } from './plain-model.js';

/**
 * A call of the port with all of its arguments. `throwAt`: the n-th hook to fire (from 0) throws.
 */
export type Call =
  | {
      readonly kind: 'persist';
      readonly anchor?: PlainAnchor;
      readonly inner?: Uint8Array;
      readonly commitQCs?: readonly PlainQC[];
      readonly blocks?: readonly PlainBlock[];
      readonly throwAt?: number;
    }
  | {
      readonly kind: 'lane';
      readonly lane: string;
      readonly anchorQC: PlainQC | undefined;
      readonly blocks: readonly PlainBlock[];
      readonly throwAt?: number;
    }
  | {
      readonly kind: 'commitQCs';
      readonly anchorQC: PlainQC | undefined;
      readonly commitQCs: readonly PlainQC[];
      readonly throwAt?: number;
    }
  | { readonly kind: 'anchor'; readonly anchor: PlainAnchor }
  | { readonly kind: 'drop'; readonly lanes: readonly string[] };

/** The round of a call: only what a store takes. */
export function roundOf(call: Call & { readonly kind: 'persist' }): Round<PlainBlock, PlainQC, PlainAnchor> {
  const { kind: _, throwAt: __, ...round } = call;
  return round;
}

/**
 * The expected outcome of a call: it resolves, rejects with the value that its hook threw, or is
 * refused.
 */
export interface Outcome {
  readonly result: 'ok' | 'thrown' | LanestoreErrorCode;
  /** The entries that hooks fire for. */
  readonly fired: readonly string[];
}

/** The highest number that can be stored. */
const TOP = 18446744073709551614n;

interface Log<T> {
  first: bigint;
  next: bigint;
  readonly held: Map<bigint, T>;
}

class Refusal {
  constructor(readonly code: LanestoreErrorCode) {}
}

function copyLog<T>(log: Log<T>): Log<T> {
  return { first: log.first, next: log.next, held: new Map(log.held) };
}

/** Removes entries below `start`; a log that ends before `start` is empty there. */
function cut(log: Log<unknown>, start: bigint): void {
  if (start <= log.first) return;
  for (const number of [...log.held.keys()]) if (number < start) log.held.delete(number);
  log.first = start;
  if (log.next < start) log.next = start;
}

function push<T>(log: Log<T>, entry: T): void {
  log.held.set(log.next, entry);
  log.next += 1n;
}

/** The state of a store in plain maps. */
export class Oracle {
  lanes = new Map<string, Log<PlainBlock>>();
  qcs: Log<PlainQC> = { first: 0n, next: 0n, held: new Map() };
  anchor: PlainAnchor | undefined;
  inner: Uint8Array | undefined;
  /** True once a lane was dropped that held something: its floor stays. */
  hasFloors = false;

  copy(): Oracle {
    const copy = new Oracle();
    for (const [lane, log] of this.lanes) copy.lanes.set(lane, copyLog(log));
    copy.qcs = copyLog(this.qcs);
    copy.anchor = this.anchor;
    copy.inner = this.inner;
    copy.hasFloors = this.hasFloors;
    return copy;
  }

  /** Applies the call, or nothing if it must be refused, and returns the expected outcome. */
  apply(call: Call): Outcome {
    const next = this.copy();
    let fired: string[];
    try {
      fired = next.#do(call);
    } catch (refusal) {
      if (refusal instanceof Refusal) return { result: refusal.code, fired: [] };
      throw refusal;
    }
    this.lanes = next.lanes;
    this.qcs = next.qcs;
    this.anchor = next.anchor;
    this.hasFloors = next.hasFloors;
    this.inner = next.inner;
    const throwAt = 'throwAt' in call ? call.throwAt : undefined;
    return { result: throwAt !== undefined && throwAt < fired.length ? 'thrown' : 'ok', fired };
  }

  /** The required start of a lane without a cursor; 0: anywhere. */
  startOf(lane: string): bigint {
    return this.anchor === undefined ? 0n : startIn(this.anchor.qc, lane);
  }

  /** Every key in the database of such a store once sweeping has ended, in order. */
  keys(): string[] {
    const keys = ['meta/schema', 'meta/tip', 'votes'];
    if (this.hasFloors) keys.push('votes/lanes');
    if (this.anchor !== undefined) keys.push('anchor');
    if (this.inner !== undefined) keys.push('inner');
    for (const index of this.qcs.held.keys()) keys.push(`qc/${pad(index)}`);
    for (const [lane, { held }] of this.lanes)
      for (const number of held.keys()) keys.push(`lane/${lane}/${pad(number)}`);
    return keys.sort();
  }

  /** The whole state in one text, in the format of {@link describe} for a store. */
  describe(): string {
    const lanes = [...this.lanes].map(
      ([lane, { first, next, held }]) => [lane, first, next, [...held.values()].map(showBlock)] as const,
    );
    return text(this.anchor, this.inner, this.qcs, [...this.qcs.held.values()], lanes);
  }

  /** The cursors in one text, in the format of {@link describeCursors} for a store. */
  describeCursors(): string {
    return describeCursors({ lanes: this.lanes, commitQCs: this.qcs });
  }

  #do(call: Call): string[] {
    switch (call.kind) {
      case 'persist':
        return this.#round(call);
      case 'anchor':
        this.#round({ kind: 'persist', anchor: call.anchor });
        return [];
      case 'lane':
        return this.#lane(call.lane, call.anchorQC, call.blocks);
      case 'commitQCs':
        return this.#commitQCs(call.anchorQC, call.commitQCs);
      case 'drop':
        for (const lane of call.lanes) {
          this.hasFloors ||= (this.lanes.get(lane)?.next ?? 0n) > 0n;
          this.lanes.delete(lane);
        }
        return [];
    }
  }

  #round({ anchor, inner, commitQCs = [], blocks = [] }: Call & { kind: 'persist' }): string[] {
    const fired: string[] = [];
    if (anchor !== undefined) {
      fired.push(`anchor ${anchor.index}`);
      if (anchor.index > TOP || anchor.index !== anchor.qc.index) throw new Refusal('LANESTORE_INVALID');
      if (this.anchor === undefined || anchor.index >= this.anchor.index) this.#setAnchor(anchor);
    }
    if (inner !== undefined) this.inner = inner;
    for (const qc of commitQCs) fired.push(this.#appendQC(qc));
    for (const block of blocks) fired.push(this.#append(block, this.startOf(block.lane)));
    return fired;
  }

  #setAnchor(anchor: PlainAnchor): void {
    this.anchor = anchor;
    for (const [lane, log] of this.lanes) cut(log, startIn(anchor.qc, lane));
    this.#cutQCs(anchor.qc);
  }

  #cutQCs(qc: PlainQC): void {
    cut(this.qcs, qc.index);
    if (qc.index === this.qcs.next) push(this.qcs, qc);
  }

  #lane(lane: string, anchorQC: PlainQC | undefined, blocks: readonly PlainBlock[]): string[] {
    const start = anchorQC === undefined ? 0n : startIn(anchorQC, lane);
    const log = this.lanes.get(lane);
    if (log !== undefined) cut(log, start);
    const begin = start > this.startOf(lane) ? start : this.startOf(lane);
    return blocks.map((block) => {
      if (block.number > TOP) throw new Refusal('LANESTORE_INVALID');
      if (block.lane !== lane) throw new Refusal('LANESTORE_WRONG_LANE');
      return this.#append(block, begin);
    });
  }

  #commitQCs(anchorQC: PlainQC | undefined, commitQCs: readonly PlainQC[]): string[] {
    if (anchorQC !== undefined && anchorQC.index > TOP) throw new Refusal('LANESTORE_INVALID');
    if (anchorQC !== undefined) this.#cutQCs(anchorQC);
    return commitQCs.map((qc) => this.#appendQC(qc));
  }

  #appendQC(qc: PlainQC): string {
    if (qc.index > TOP) throw new Refusal('LANESTORE_INVALID');
    if (qc.index > this.qcs.next) throw new Refusal('LANESTORE_OUT_OF_SEQUENCE');
    if (qc.index === this.qcs.next) push(this.qcs, qc);
    return `qc ${qc.index}`;
  }

  /** `begin`: required start of a lane without blocks; 0: anywhere. */
  #append(block: PlainBlock, begin: bigint): string {
    const { lane, number } = block;
    if (number > TOP) throw new Refusal('LANESTORE_INVALID');
    let log = this.lanes.get(lane);
    if (log === undefined) {
      if (begin > 0n && number !== begin) throw new Refusal('LANESTORE_OUT_OF_SEQUENCE');
      log = { first: number, next: number, held: new Map() };
      this.lanes.set(lane, log);
    }
    if (number !== log.next) throw new Refusal('LANESTORE_OUT_OF_SEQUENCE');
    push(log, block);
    return `${lane}/${number}`;
  }
}

/** The first block of a lane in a CommitQC; 0 if the lane is omitted. */
export function startIn(qc: PlainQC, lane: string): bigint {
  return qc.starts.find(([of]) => of === lane)?.[1] ?? 0n;
}

/**
 * The recovered entries and cursors of a store in one text, in the format of {@link
 * Oracle.describe}.
 */
export function describe(recovered: Recovered<PlainBlock, PlainQC, PlainAnchor>, cursors: Cursors): string {
  const lanes = [...cursors.lanes].map(
    ([lane, { first, next }]) => [lane, first, next, (recovered.blocks.get(lane) ?? []).map(showBlock)] as const,
  );
  const stray = [...recovered.blocks.keys()].filter(
    (lane) => !cursors.lanes.has(lane) || recovered.blocks.get(lane)?.length === 0,
  );
  const { anchor, inner, commitQCs } = recovered;
  return (
    text(anchor, inner, cursors.commitQCs, commitQCs, lanes) + stray.map((lane) => `; ${lane} handed out`).join('')
  );
}

/** The cursors in one text. */
export function describeCursors({ lanes, commitQCs }: Cursors): string {
  const parts = [...lanes].map(([lane, { first, next }]) => `${lane} [${first},${next})`).sort();
  return [`qc [${commitQCs.first},${commitQCs.next})`, ...parts].join(' ');
}

/** A block in one word: its content is text in the histories. */
export function showBlock({ lane, number, data }: PlainBlock): string {
  return `${lane}/${number}:${Buffer.from(data).toString('latin1')}`;
}

/** A CommitQC in one word. */
export function showQC({ index, starts }: PlainQC): string {
  return `${index}(${starts.map(([lane, start]) => `${lane}=${start}`).join(' ')})`;
}

function text(
  anchor: PlainAnchor | undefined,
  inner: Uint8Array | undefined,
  { first, next }: { first: bigint; next: bigint },
  commitQCs: readonly PlainQC[],
  lanes: readonly (readonly [string, bigint, bigint, readonly string[]])[],
): string {
  return [
    `anchor ${anchor === undefined ? 'none' : `${anchor.index} ${showQC(anchor.qc)}`}`,
    `inner ${inner === undefined ? 'none' : Buffer.from(inner).toString('latin1')}`,
    `qc [${first},${next}) ${commitQCs.map(showQC).join(' ')}`,
    ...lanes.map(([lane, from, to, blocks]) => `${lane} [${from},${to}) ${blocks.join(' ')}`).sort(),
  ].join('\n');
}

function pad(number: bigint): string {
  return `00000000000000000000${number}`.slice(-20);
}
