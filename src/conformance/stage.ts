/**
 * The stage of a case: a store in a fresh place, short ways to make entries, and checks of the
 * content.
 */
import assert from 'node:assert/strict';
import type { Cursor, Cursors, LaneId, Persistence, Recovered, VoteState, VoteStore } from '../index.js';
import type {
  AnyAnchor,
  AnyBlock,
  AnyCommitQC,
  AnySubject,
  Features,
  OpenOptions,
  Place,
  VoteMakers,
} from './subject.js';

/** The store under test. */
export type Store = Persistence<AnyBlock, AnyCommitQC, AnyAnchor>;

/** The number of an entry. */
export type Num = number | bigint;

/** The lane starts of a CommitQC, by the index of the lane in `make.lanes`. */
export type Starts = Readonly<Record<number, Num>>;

/** The expected content of a store. An absent part means that the store has none. */
export interface Content {
  readonly anchor?: AnyAnchor;
  readonly inner?: Uint8Array;
  readonly commitQCs?: readonly AnyCommitQC[];
  /** By the index of the lane in `make.lanes`. */
  readonly blocks?: Readonly<Record<number, readonly AnyBlock[]>>;
}

/** The expected cursors, half-open, lanes by their index in `make.lanes`. */
export interface ExpectedCursors {
  readonly lanes?: Readonly<Record<number, readonly [first: Num, next: Num]>>;
  readonly qc?: readonly [first: Num, next: Num];
}

/** A store in a fresh place. */
export class Stage {
  readonly features: Features;
  readonly place: Place<AnyBlock, AnyCommitQC, AnyAnchor>;
  readonly #subject: AnySubject;
  readonly #stores: Store[] = [];

  private constructor(subject: AnySubject, place: Place<AnyBlock, AnyCommitQC, AnyAnchor>) {
    this.#subject = subject;
    this.features = subject.features;
    this.place = place;
  }

  /** Opens a store in a fresh place. */
  static async open(subject: AnySubject): Promise<Stage> {
    const stage = new Stage(subject, await subject.place());
    try {
      await stage.open();
    } catch (error) {
      await stage.end();
      throw error;
    }
    return stage;
  }

  /** The most recently opened store. */
  get store(): Store {
    return this.#stores.at(-1)!;
  }

  /** The id of a lane. */
  lane(place: number): LaneId {
    return this.#subject.make.lanes[place]!;
  }

  block(lane: number, number: Num): AnyBlock {
    return this.#subject.make.block(this.lane(lane), BigInt(number));
  }

  /** The blocks [from, to) of a lane. */
  blocks(lane: number, from: Num, to: Num): AnyBlock[] {
    return range(from, to).map((number) => this.block(lane, number));
  }

  qc(index: Num, starts: Starts = {}): AnyCommitQC {
    const pairs = Object.entries(starts).map(([lane, start]) => [this.lane(Number(lane)), BigInt(start)] as const);
    return this.#subject.make.commitQC(BigInt(index), new Map(pairs));
  }

  /** The CommitQCs [from, to) without lanes. */
  qcs(from: Num, to: Num): AnyCommitQC[] {
    return range(from, to).map((index) => this.qc(index));
  }

  anchor(index: Num, starts: Starts = {}): AnyAnchor {
    return this.#subject.make.anchor(BigInt(index), this.qc(index, starts));
  }

  /** An anchor whose AppQC and CommitQC have different road indexes. */
  disagreeingAnchor(index: Num, qcIndex: Num): AnyAnchor {
    return this.#subject.make.anchor(BigInt(index), this.qc(qcIndex));
  }

  /** Makers of votes. */
  get make(): VoteMakers {
    const { votes } = this.#subject.make;
    if (votes === undefined) throw new TypeError('subject.make.votes is missing: features.votes is true');
    return votes;
  }

  /** The votes of the store that was opened last. */
  get votes(): VoteStore<AnyBlock> {
    const { votes } = this.store;
    if (votes === undefined) throw new TypeError('the store has no votes: features.votes is true');
    return votes;
  }

  /** Watermarks, floors, quarantine and key, as text. */
  voteText({ signer, logs, laneFloors, quarantine, sinks }: VoteState): string {
    const lines = [...logs].map(
      ([log, { watermark, floor }]) =>
        `${log} ${watermark === undefined ? '' : `${watermark.at.join('/')} ${hex(watermark.digest)}`} ${floor ?? ''}`,
    );
    const floors = this.#subject.make.lanes.flatMap((lane, place) =>
      laneFloors.has(lane) ? [`lane ${place} ${laneFloors.get(lane)}`] : [],
    );
    const closed = quarantine === undefined ? [] : [`closed ${[...quarantine.parts].sort()}: ${quarantine.why}`];
    const witnessed = sinks === undefined ? [] : [sinksText(sinks)];
    const key = signer === undefined ? 'no key' : hex(signer);
    return [key, ...lines.sort(), ...floors, ...closed, ...witnessed].join('; ');
  }

  /** The CommitQC of an anchor. */
  commitQCOf(anchor: AnyAnchor): AnyCommitQC {
    return this.#subject.model.anchor.commitQC(anchor);
  }

  /** `lane 1 #7`. */
  nameOfBlock(block: AnyBlock): string {
    const { model, make } = this.#subject;
    return `lane ${make.lanes.indexOf(model.block.lane(block))} #${model.block.number(block)}`;
  }

  /** `qc 7`. */
  nameOfQC(qc: AnyCommitQC): string {
    return `qc ${this.#subject.model.commitQC.index(qc)}`;
  }

  /** `anchor 7`. */
  nameOfAnchor(anchor: AnyAnchor): string {
    return `anchor ${this.#subject.model.anchor.index(anchor)}`;
  }

  /**
   * Opens the store of the place; it must be closed. Options whose feature is missing are not
   * passed.
   */
  async open({ load, maxLanes, maxInnerBytes, maxRoundEntries, ...limits }: OpenOptions = {}): Promise<Store> {
    const { planLimits } = this.features;
    const options = {
      ...(load === undefined || !this.features.skipsLoading ? {} : { load }),
      ...(this.features.limits ? limits : {}),
      ...(maxLanes === undefined || !planLimits ? {} : { maxLanes }),
      ...(maxInnerBytes === undefined || !planLimits ? {} : { maxInnerBytes }),
      ...(maxRoundEntries === undefined || !planLimits ? {} : { maxRoundEntries }),
    };
    const store = await this.place.open(options);
    this.#stores.push(store);
    return store;
  }

  /** Closes the store and opens it again. */
  async reopen(options?: OpenOptions): Promise<Store> {
    await this.store.close();
    return this.open(options);
  }

  /** Closes everything and removes the place. */
  async end(): Promise<void> {
    // Ignored: if a store cannot be closed, the case itself reports the failure.
    for (const store of this.#stores) await store.close().catch(() => undefined);
    await this.place.destroy();
  }

  /** Checks the durable cursors: exactly these lanes, exactly this QC log. */
  expectCursors({ lanes = {}, qc = [0, 0] }: ExpectedCursors): void {
    const expected = Object.entries(lanes).map(([lane, [first, next]]) => `lane ${lane} [${first},${next})`);
    assert.equal(this.cursorText(this.store.cursors), [`qc [${qc[0]},${qc[1]})`, ...expected].join('; '), 'cursors');
    assert.equal(this.store.commitQCs.next, BigInt(qc[1]), 'commitQCs.next');
  }

  /** Cursors in one line; lanes in the order of `make.lanes`. */
  cursorText({ lanes, commitQCs }: Cursors): string {
    const known = this.#subject.make.lanes.flatMap((lane, place) => {
      const cursor = lanes.get(lane);
      return cursor === undefined ? [] : [`lane ${place} ${text(cursor)}`];
    });
    assert.equal(known.length, lanes.size, 'no cursors of other lanes');
    return [`qc ${text(commitQCs)}`, ...known].join('; ');
  }

  /**
   * Reopens the store, and checks that exactly `content` was recovered and that no cursor changed.
   * Afterwards `store` is the reopened store. Does nothing for a backend that is not durable.
   */
  async expectStored(content: Content): Promise<void> {
    if (!this.features.durable) return;
    const before = this.#lasting(this.store.cursors);
    await this.reopen();
    this.expectRecovered(content);
    assert.equal(this.#lasting(this.store.cursors), before, 'cursors after reopening');
  }

  /** Takes the recovered content, and checks that it is exactly `content`. */
  expectRecovered(content: Content): void {
    const recovered = this.store.takeRecovered();
    const { lanes } = this.#subject.make;
    const blocks = new Map<LaneId, readonly AnyBlock[]>();
    for (const [lane, list] of Object.entries(content.blocks ?? {})) blocks.set(lanes[Number(lane)]!, list);
    const { anchor, inner, commitQCs = [] } = content;
    const expected = {
      commitQCs,
      blocks,
      ...(anchor === undefined ? {} : { anchor }),
      ...(inner === undefined ? {} : { inner }),
    };
    assert.deepEqual(this.#listed(recovered), this.#listed(expected), 'what was recovered');
    for (const cursor of recovered.blocks)
      assert.ok(cursor[1].length > 0, 'a lane without blocks is in the cursors only');
    assert.ok(recovered.inner === undefined || isPlainBytes(recovered.inner), 'inner is a Uint8Array, not a Buffer');
  }

  /**
   * The cursors that must survive reopening: those of emptied lanes only if the feature is
   * declared.
   */
  #lasting({ lanes, commitQCs }: Cursors): string {
    const kept = [...lanes].filter(([, { first, next }]) => this.features.remembersEmptyCursors || first < next);
    return this.cursorText({ lanes: new Map(kept), commitQCs });
  }

  /** One line per entry, with its number and all its bytes. */
  #listed({ anchor, inner, commitQCs, blocks }: Recovered<AnyBlock, AnyCommitQC, AnyAnchor>): string[] {
    const { model, make } = this.#subject;
    const lines: string[] = [];
    if (anchor !== undefined) lines.push(`${this.nameOfAnchor(anchor)} ${hex(model.anchor.toWire(anchor))}`);
    if (inner !== undefined) lines.push(`inner ${hex(inner)}`);
    for (const qc of commitQCs) lines.push(`${this.nameOfQC(qc)} ${hex(model.commitQC.toWire(qc))}`);
    for (const lane of make.lanes) {
      for (const block of blocks.get(lane) ?? [])
        lines.push(`${this.nameOfBlock(block)} ${hex(model.block.toWire(block))}`);
    }
    for (const lane of blocks.keys()) if (!make.lanes.includes(lane)) lines.push(`another lane ${lane}`);
    return lines;
  }
}

function range(from: Num, to: Num): bigint[] {
  const first = BigInt(from);
  return Array.from({ length: Number(BigInt(to) - first) }, (_, i) => first + BigInt(i));
}

function text({ first, next }: Cursor): string {
  return `[${first},${next})`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function isPlainBytes(bytes: Uint8Array): boolean {
  return Object.getPrototypeOf(bytes) === Uint8Array.prototype;
}

/** `sinks 2 of a, b, before 1 of c`. */
function sinksText({ names, quorum, former }: NonNullable<VoteState['sinks']>): string {
  const before = former === undefined ? '' : `, before ${former.quorum} of ${former.names.join(', ')}`;
  return `sinks ${quorum} of ${names.join(', ')}${before}`;
}
