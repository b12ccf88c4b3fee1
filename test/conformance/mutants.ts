/** Broken stores: each does one thing wrong, and the suite must catch it. */
import { advance, type Cursors, emptyState, type PlanState } from '../../src/adapter/index.js';
import { isLanestoreError, LanestoreError } from '../../src/errors.js';
import { type LaneId, U64_MAX } from '../../src/keys/index.js';
import { type PlainAnchor, type PlainBlock, plain } from '../support/plain-model.js';
import { planLane } from '../support/plan.js';
import {
  copyOf,
  type ToyClass,
  type ToyHooks,
  type ToyPlan,
  type ToyRecovered,
  type ToyRound,
  ToyStore,
} from './toy-store.js';

/** Runs `call`, and takes a refusal with `code` for a success. */
async function swallowing(code: string, call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isLanestoreError(error) || error.code !== code) throw error;
  }
}

const nothing: Pick<ToyPlan, 'anchor' | 'commitQCs' | 'lanes'> = {
  anchor: undefined,
  commitQCs: undefined,
  lanes: new Map(),
};

/** By what they do wrong. */
export const MUTANTS: Readonly<Record<string, ToyClass>> = {
  // Hooks.
  'fires hooks twice': class extends ToyStore {
    override fire(plan: ToyPlan, hooks: ToyHooks) {
      super.fire(plan, hooks);
      super.fire(plan, hooks);
    }
  },
  'fires hooks in reverse': class extends ToyStore {
    override hookCalls(plan: ToyPlan, hooks: ToyHooks) {
      return super.hookCalls(plan, hooks).reverse();
    }
  },
  'fires hooks before durability': class extends ToyStore {
    override write(plan: ToyPlan) {
      this.early?.();
      super.write(plan);
    }
    early: (() => void) | undefined;
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit({}, (state) => {
        const plan = make(state);
        const earlier = this.early;
        this.early = () => {
          this.early = earlier;
          super.fire(plan, hooks);
        };
        return plan;
      });
    }
  },
  'fires hooks while the call is made': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit({}, (state) => {
        const plan = make(state);
        super.fire(plan, hooks);
        return plan;
      });
    }
  },
  'fires hooks after the call resolved': class extends ToyStore {
    override fire(plan: ToyPlan, hooks: ToyHooks) {
      void new Promise((resolve) => setTimeout(resolve, 1)).then(() => super.fire(plan, hooks)).catch(() => undefined);
    }
  },
  'fires hooks of refused rounds': class extends ToyStore {
    override async persist(round: ToyRound, hooks: ToyHooks = {}) {
      await super.persist(round, hooks).catch((error) => {
        for (const block of round.blocks ?? []) hooks.block?.(block);
        throw error;
      });
    }
  },
  'has no hooks for ignored CommitQCs': class extends ToyStore {
    override hookCalls(plan: ToyPlan, hooks: ToyHooks) {
      const commitQCs = plan.notify.commitQCs.filter((qc) => plan.commitQCs?.append.includes(qc));
      return super.hookCalls({ ...plan, notify: { ...plan.notify, commitQCs } }, hooks);
    }
  },
  'has no hook for older anchors': class extends ToyStore {
    override hookCalls(plan: ToyPlan, hooks: ToyHooks) {
      return super.hookCalls({ ...plan, notify: { ...plan.notify, anchor: plan.anchor?.entry } }, hooks);
    }
  },
  'has a hook for the CommitQC of an anchor': class extends ToyStore {
    override hookCalls(plan: ToyPlan, hooks: ToyHooks) {
      const own = plan.commitQCs?.append.filter((qc) => !plan.notify.commitQCs.includes(qc)) ?? [];
      return super.hookCalls(
        { ...plan, notify: { ...plan.notify, commitQCs: [...own, ...plan.notify.commitQCs] } },
        hooks,
      );
    }
  },
  'hands copies to hooks': class extends ToyStore {
    override hookCalls(plan: ToyPlan, hooks: ToyHooks) {
      const blocks = plan.notify.blocks.map((block) => ({ ...block }));
      return super.hookCalls({ ...plan, notify: { ...plan.notify, blocks } }, hooks);
    }
  },
  'stops firing when a hook throws': class extends ToyStore {
    override fire(plan: ToyPlan, hooks: ToyHooks) {
      for (const call of this.hookCalls(plan, hooks)) call();
    }
  },
  'swallows what a hook throws': class extends ToyStore {
    override fire(plan: ToyPlan, hooks: ToyHooks) {
      try {
        super.fire(plan, hooks);
      } catch {
        // Lost.
      }
    }
  },
  'surfaces the last failure of a hook': class extends ToyStore {
    override fire(plan: ToyPlan, hooks: ToyHooks) {
      let failure: { error: unknown } | undefined;
      for (const call of this.hookCalls(plan, hooks)) {
        try {
          call();
        } catch (error) {
          failure = { error };
        }
      }
      if (failure !== undefined) throw failure.error;
    }
  },
  'is failed by a hook that throws': class extends ToyStore {
    override fire(plan: ToyPlan, hooks: ToyHooks) {
      try {
        super.fire(plan, hooks);
      } catch (error) {
        this.failed = new LanestoreError('LANESTORE_FAILED', 'a hook threw');
        throw error;
      }
    }
  },
  'does not store a round whose hook throws': class extends ToyStore {
    override fire(plan: ToyPlan, hooks: ToyHooks) {
      try {
        super.fire(plan, hooks);
      } catch (error) {
        this.disk.blocks.delete([...plan.lanes.keys()][0] ?? '');
        throw error;
      }
    }
  },

  // Sequence.
  'accepts a gap': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return swallowing('LANESTORE_OUT_OF_SEQUENCE', super.submit(hooks, make));
    }
  },
  'ignores duplicate blocks': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      const isNew = ({ lane, number }: PlainBlock) => number >= (state.lanes.get(lane)?.next ?? 0n);
      return super.planRound(
        state,
        round.blocks === undefined ? round : { ...round, blocks: [...round.blocks].filter(isNew) },
      );
    }
  },
  'refuses duplicate CommitQCs': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit(hooks, (state) => {
        const plan = make(state);
        if (plan.notify.commitQCs.every((qc) => plan.commitQCs?.append.includes(qc))) return plan;
        throw new LanestoreError('LANESTORE_OUT_OF_SEQUENCE', 'it is stored already');
      });
    }
  },
  'replaces a CommitQC by its duplicate': class extends ToyStore {
    override write(plan: ToyPlan) {
      super.write(plan);
      for (const qc of plan.notify.commitQCs) {
        this.disk.commitQCs = this.disk.commitQCs.map((held) => (held.index === qc.index ? qc : held));
      }
    }
  },
  'accepts blocks of another lane': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return swallowing('LANESTORE_WRONG_LANE', super.submit(hooks, make));
    }
  },
  'does not say which block was expected': class extends ToyStore {
    override async submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      await super.submit(hooks, make).catch((error) => {
        throw isLanestoreError(error) ? new LanestoreError(error.code, 'refused') : error;
      });
    }
  },
  'begins a lane at 0 only': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit(hooks, (state) => {
        const plan = make(state);
        for (const { before, append } of plan.lanes.values()) {
          if (before === undefined && append[0]?.number !== 0n)
            throw new LanestoreError('LANESTORE_OUT_OF_SEQUENCE', 'a gap');
        }
        return plan;
      });
    }
  },
  'begins a lane anywhere, whatever the anchor says': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      const without = (anchor: PlanState['anchor']) => anchor && { index: anchor.index, laneStarts: new Map() };
      return super.submit(hooks, (state) => make({ ...state, anchor: without(state.anchor) }));
    }
  },
  'makes a cursor for every lane of an anchor': class extends ToyStore {
    override write(plan: ToyPlan) {
      super.write(plan);
      for (const [lane, start] of plan.anchor?.point.laneStarts ?? []) {
        if (this.planned.lanes.has(lane)) continue;
        for (const state of [this.planned, this.disk.state]) state.lanes.set(lane, { first: start, next: start });
      }
    }
  },
  'makes a cursor in a lane call without blocks': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit(hooks, (state) => {
        const plan = make(state);
        const isLaneCall = plan.anchor === undefined && plan.notify.commitQCs.length + plan.notify.blocks.length === 0;
        if (isLaneCall && state.lanes.size === 0) state.lanes.set('0a', { first: 0n, next: 0n });
        if (isLaneCall && this.disk.state.lanes.size === 0) this.disk.state.lanes.set('0a', { first: 0n, next: 0n });
        return plan;
      });
    }
  },
  'moves an empty lane back': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit(hooks, (state) => {
        const lanes = new Map(
          [...state.lanes].map(([lane, cursor]) => [
            lane,
            cursor.first === cursor.next ? { first: 0n, next: 0n } : cursor,
          ]),
        );
        return make({ ...state, lanes });
      });
    }
  },
  'accepts the number 2^64-1': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit(hooks, (state) => {
        try {
          return make(state);
        } catch (error) {
          if (!String(error).includes(`${U64_MAX}`)) throw error;
          return { ...planLane(plain, state, '0a', undefined, []) };
        }
      });
    }
  },

  // Refusals.
  'stores the good blocks of a refused round': class extends ToyStore {
    override async persist(round: ToyRound, hooks: ToyHooks = {}) {
      await super.persist(round, hooks).catch(async (error) => {
        for (const block of isLanestoreError(error, 'LANESTORE_OUT_OF_SEQUENCE') ? (round.blocks ?? []) : []) {
          await super.persist({ blocks: [block] }).catch(() => undefined);
        }
        throw error;
      });
    }
  },
  'stores the inner of a refused round': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      if (round?.inner instanceof Uint8Array) this.disk.inner = new Uint8Array(round.inner);
      return super.planRound(state, round);
    }
  },
  'stores a round whose iterable closed it': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit(hooks, (state) => {
        const plan = make(state);
        const { closing } = this;
        if (closing !== undefined) this.write(plan);
        return plan;
      });
    }
  },
  'stores the anchor of a refused round': class extends ToyStore {
    override async persist(round: ToyRound, hooks: ToyHooks = {}) {
      await super.persist(round, hooks).catch(async (error) => {
        const isRound = isLanestoreError(error, 'LANESTORE_OUT_OF_SEQUENCE') && round.anchor !== undefined;
        if (isRound) await super.persist({ anchor: round.anchor });
        throw error;
      });
    }
  },
  'plans the next round behind a refused one': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      for (const block of round?.blocks && Array.isArray(round.blocks) ? round.blocks : []) {
        const cursor = state.lanes.get(block.lane);
        if (cursor?.next === block.number) {
          const plan = planLane(plain, state, block.lane, undefined, [block]);
          try {
            super.planRound(state, round);
          } catch (error) {
            advance(state, plan);
            throw error;
          }
        }
      }
      return super.planRound(state, round);
    }
  },
  'truncates a lane before it looks at the blocks': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit(hooks, make).catch((error) => {
        if (isLanestoreError(error, 'LANESTORE_OUT_OF_SEQUENCE')) {
          for (const [lane, cursor] of this.disk.state.lanes) {
            this.disk.state.lanes.set(lane, { first: cursor.next, next: cursor.next });
            this.disk.blocks.set(lane, []);
          }
        }
        throw error;
      });
    }
  },

  // Anchors.
  'lets an older anchor count': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      return super.planRound({ ...state, anchor: round?.anchor === undefined ? state.anchor : undefined }, round);
    }
  },
  'ignores an equal anchor': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      const plan = super.planRound(state, round);
      return plan.anchor !== undefined && plan.anchor.point.index === state.anchor?.index
        ? super.planRound(state, { ...round, anchor: undefined })
        : plan;
    }
  },
  'ignores the anchor of road index 0': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      const plan = super.planRound(state, round);
      return plan.anchor?.point.index === 0n ? super.planRound(state, { ...round, anchor: undefined }) : plan;
    }
  },
  'does not append the CommitQC of an anchor': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      const plan = super.planRound(state, round);
      const log = plan.commitQCs;
      const own = round.anchor?.qc;
      if (log === undefined || own === undefined || log.append[0] !== own) return plan;
      const at = { first: log.after.first, next: log.after.first };
      return { ...plan, commitQCs: { ...log, append: [], after: at } };
    }
  },
  'does not truncate the QC log': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit(hooks, (state) => {
        const plan = make(state);
        const log = plan.commitQCs;
        if (log === undefined || log.after.first >= state.commitQCs.next) return plan;
        const { first } = state.commitQCs;
        return {
          ...plan,
          commitQCs: { ...log, truncate: { first, next: first }, after: { first, next: log.after.next } },
        };
      });
    }
  },
  'does not truncate lanes': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      return { ...super.planRound(state, round), ...(round?.anchor === undefined ? {} : { lanes: nothing.lanes }) };
    }
  },
  'truncates lanes one block too far': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      return super.submit(hooks, (state) => {
        const plan = make(state);
        const lanes = [...plan.lanes].map(([lane, log]) => {
          const { truncate, after } = log;
          if (truncate.first === truncate.next || after.first + 1n >= after.next) return [lane, log] as const;
          const further = {
            truncate: { ...truncate, next: truncate.next + 1n },
            after: { ...after, first: after.first + 1n },
          };
          return [lane, { ...log, ...further }] as const;
        });
        return { ...plan, lanes: new Map(lanes) };
      });
    }
  },
  'empties lanes that an anchor omits': class extends ToyStore {
    override write(plan: ToyPlan) {
      super.write(plan);
      const starts = plan.anchor?.point.laneStarts;
      if (starts === undefined || starts.size === 0) return;
      for (const lane of [...this.disk.blocks.keys()]) if (!starts.has(lane)) this.forget(lane);
    }
  },
  'accepts an anchor that disagrees with itself': class extends ToyStore {
    override async persist(round: ToyRound, hooks: ToyHooks = {}) {
      await super.persist(round, hooks).catch((error) => {
        if (!String(error).includes('they must be the same')) throw error;
      });
    }
  },
  'truncates all lanes in a lane call': class extends ToyStore {
    override write(plan: ToyPlan) {
      super.write(plan);
      if (plan.notify.anchor !== undefined) return;
      for (const [lane, { truncate }] of plan.lanes) {
        if (truncate.first === truncate.next) continue;
        for (const other of this.disk.blocks.keys()) if (other !== lane) this.forget(other);
      }
    }
  },

  'truncates lanes with the QC log': class extends ToyStore {
    override write(plan: ToyPlan) {
      super.write(plan);
      const starts = plan.notify.anchor === undefined ? (plan.commitQCs?.append[0]?.starts ?? []) : [];
      for (const [lane, start] of starts) if (start > 0n) this.forget(lane);
    }
  },
  'empties a lane that the CommitQC of a lane call omits': class extends ToyStore {
    override write(plan: ToyPlan) {
      super.write(plan);
      for (const [lane, { before, truncate, append }] of plan.lanes) {
        if (plan.notify.anchor !== undefined || before === undefined || truncate.first < truncate.next) continue;
        if (append.length === 1 && before.next === 4n) this.forget(lane);
      }
    }
  },

  // What is left on the disk.
  'has an anchor from the beginning, which is undefined': class extends ToyStore {
    override takeRecovered() {
      return { anchor: undefined, ...super.takeRecovered() } as unknown as ToyRecovered;
    }
  },
  'forgets the newest CommitQC': class extends ToyStore {
    override load() {
      const loaded = super.load();
      return loaded && { ...loaded, commitQCs: loaded.commitQCs.slice(0, -1) };
    }
  },
  'forgets the anchor': class extends ToyStore {
    override load() {
      const { anchor: _, ...rest } = super.load() ?? { commitQCs: [], blocks: new Map() };
      return rest;
    }
  },
  'forgets where the anchor has lanes begin': class extends ToyStore {
    override stateAtOpen() {
      return { ...super.stateAtOpen(), anchor: undefined };
    }
  },
  'forgets inner': class extends ToyStore {
    override load() {
      const { inner: _, ...rest } = super.load() ?? { commitQCs: [], blocks: new Map() };
      return rest;
    }
  },
  'takes an empty inner for none': class extends ToyStore {
    override write(plan: ToyPlan) {
      super.write(plan.inner?.length === 0 ? { ...plan, inner: undefined } : plan);
    }
  },
  'hands out inner as a Buffer': class extends ToyStore {
    override load() {
      const loaded = super.load();
      return loaded?.inner === undefined ? loaded : { ...loaded, inner: Buffer.from(loaded.inner) };
    }
  },
  'forgets the newest block of a lane': class extends ToyStore {
    override load() {
      const loaded = super.load();
      return (
        loaded && { ...loaded, blocks: new Map([...loaded.blocks].map(([lane, list]) => [lane, list.slice(0, -1)])) }
      );
    }
  },
  'hands out a lane twice as long': class extends ToyStore {
    override load() {
      const loaded = super.load();
      return (
        loaded && { ...loaded, blocks: new Map([...loaded.blocks].map(([lane, list]) => [lane, [...list, ...list]])) }
      );
    }
  },
  'hands out entries in the order of their numbers as text': class extends ToyStore {
    override load() {
      const loaded = super.load();
      const sorted = (list: readonly PlainBlock[]) =>
        [...list].sort((a, b) => (`${a.number}` < `${b.number}` ? -1 : 1));
      return loaded && { ...loaded, blocks: new Map([...loaded.blocks].map(([lane, list]) => [lane, sorted(list)])) };
    }
  },
  'keeps numbers as doubles': class extends ToyStore {
    override load() {
      const loaded = super.load();
      const rounded = (block: PlainBlock) => ({ ...block, number: BigInt(Number(block.number)) });
      return (
        loaded && { ...loaded, blocks: new Map([...loaded.blocks].map(([lane, list]) => [lane, list.map(rounded)])) }
      );
    }
  },
  'hands out lanes without blocks': class extends ToyStore {
    override load() {
      const loaded = super.load();
      return loaded && { ...loaded, blocks: new Map(this.disk.blocks) };
    }
  },
  'forgets the cursors of emptied lanes': class extends ToyStore {
    override stateAtOpen() {
      const state = super.stateAtOpen();
      const held = [...state.lanes].filter(([, { first, next }]) => first < next);
      return { ...state, lanes: new Map(held) };
    }
  },
  'hands out what it recovered twice': class extends ToyStore {
    override takeRecovered(): ToyRecovered {
      return this.recovered ?? super.takeRecovered();
    }
  },
  'hands out what it holds now': class extends ToyStore {
    override takeRecovered(): ToyRecovered {
      this.recovered = this.recovered && this.load();
      return super.takeRecovered();
    }
  },
  'loads what it should not': class extends ToyStore {
    constructor(...[disk, { load: _, ...options }]: ConstructorParameters<ToyClass>) {
      super(disk, options);
    }
  },
  'opens with entries missing': class extends ToyStore {
    override verify() {
      // Checks nothing.
    }
  },
  'finds damage once': class extends ToyStore {
    override verify() {
      try {
        super.verify();
      } catch (error) {
        Object.assign(this.disk, { state: emptyState(), blocks: new Map(), commitQCs: [] });
        throw error;
      }
    }
  },

  // Order.
  'settles out of order': class extends ToyStore {
    count = 0;
    override async submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      const done = super.submit(hooks, make);
      if (this.count++ % 2 === 0)
        await Promise.allSettled([done, this.tail.then(() => new Promise((resolve) => setTimeout(resolve, 2)))]);
      await done;
    }
  },
  'settles what plans nothing at once': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      let plan: ToyPlan | undefined;
      const done = super.submit(hooks, (state) => {
        plan = make(state);
        return plan;
      });
      const stores = plan === undefined || plan.anchor || plan.inner || plan.commitQCs || plan.lanes.size > 0;
      if (stores) return done;
      done.catch(() => undefined);
      return Promise.resolve();
    }
  },
  'settles a drop at once': class extends ToyStore {
    override async dropLanes(lanes: Iterable<LaneId>) {
      super.dropLanes(lanes).catch(() => undefined);
    }
  },
  'shows the planned cursors': class extends ToyStore {
    override get cursors(): Cursors {
      return copyOf(this.planned);
    }
  },
  'shows its own cursors, which change': class extends ToyStore {
    override get cursors(): Cursors {
      return this.disk.state;
    }
  },
  'moves the cursors of a round one by one': class extends ToyStore {
    override fire(plan: ToyPlan, hooks: ToyHooks) {
      const { commitQCs } = this.disk.state;
      const before = plan.lanes.values().next().value?.before;
      if (before === undefined && plan.commitQCs !== undefined)
        this.disk.state.commitQCs = { ...commitQCs, next: commitQCs.first };
      super.fire(plan, {
        ...hooks,
        block: (block) => {
          this.disk.state.commitQCs = commitQCs;
          hooks.block?.(block);
        },
      });
      this.disk.state.commitQCs = commitQCs;
    }
  },
  'reads the lists of a round late': class extends ToyStore {
    override async persist(round: ToyRound, hooks: ToyHooks = {}) {
      await undefined;
      await super.persist(round, hooks);
    }
  },
  'keeps the bytes of inner, not a copy': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      return { ...super.planRound(state, round), inner: round.inner };
    }
  },

  // Dropped lanes.
  'does not drop lanes': class extends ToyStore {
    override async dropLanes() {
      await this.tail;
    }
  },
  'keeps the cursor of a dropped lane': class extends ToyStore {
    override forget(lane: LaneId) {
      const { next = 0n } = this.disk.state.lanes.get(lane) ?? {};
      super.forget(lane);
      if (next > 0n) this.disk.state.lanes.set(lane, { first: next, next });
    }
  },
  'keeps the blocks of a dropped lane': class extends ToyStore {
    override forget(lane: LaneId) {
      this.disk.state.lanes.delete(lane);
    }
    override verify() {
      // The check would find the blocks that are left.
    }
  },
  'plans against a dropped lane until it is gone': class extends ToyStore {
    override async dropLanes(lanes: Iterable<LaneId>) {
      const { lanes: planned } = this.planned;
      const list = [...lanes];
      const before = new Map(planned);
      const done = super.dropLanes(list);
      for (const [lane, cursor] of before) planned.set(lane, cursor);
      await done;
      for (const lane of list) planned.delete(lane);
    }
  },
  'drops the other lanes': class extends ToyStore {
    override forget(lane: LaneId) {
      for (const other of [...this.disk.blocks.keys()]) super.forget(other);
      super.forget(lane);
    }
  },
  'drops what it can of a list with a bad lane': class extends ToyStore {
    override async dropLanes(lanes: Iterable<LaneId>) {
      for (const lane of lanes) await super.dropLanes([lane]);
    }
  },

  // Closing and failing.
  'cannot be closed twice': class extends ToyStore {
    override async close() {
      if (this.closing !== undefined) throw new Error('it is closed');
      await super.close();
    }
  },
  'does not wait when it is closed': class extends ToyStore {
    override async shutdown() {
      this.disk.open = false;
    }
  },
  'drops what waits when it is closed': class extends ToyStore {
    override async shutdown() {
      this.failed = new LanestoreError('LANESTORE_CLOSED', 'it is closed');
      await super.shutdown();
    }
  },
  'accepts after it was closed': class extends ToyStore {
    override assertUsable() {
      this.guard();
    }
  },
  'accepts while it is closing': class extends ToyStore {
    closed = false;
    override assertUsable() {
      if (this.closed) super.assertUsable();
    }
    override async shutdown() {
      await super.shutdown();
      this.closed = true;
    }
  },
  'does not close at the end of a block': class extends ToyStore {
    override async [Symbol.asyncDispose]() {
      await this.tail;
    }
  },
  'lets a second one open it': class extends ToyStore {
    override lock() {
      // Excludes no other opener.
    }
  },
  'does not heed the signal of ready()': class extends ToyStore {
    override ready() {
      return super.ready();
    }
  },
  'takes anything for a signal': class extends ToyStore {
    override ready(signal?: AbortSignal) {
      return super.ready(signal instanceof AbortSignal ? signal : undefined);
    }
  },
  'has room for ever': class extends ToyStore {
    override enter(bytes: number) {
      this.waiting += bytes;
    }
  },
  'has room for one round however large': class extends ToyStore {
    override enter(bytes: number) {
      if (this.waiting > 0) super.enter(bytes);
      else this.waiting += bytes;
    }
  },
  'goes on after a rejected write': class extends ToyStore {
    override guard() {
      this.failed = undefined;
    }
  },
  'writes what it rejects': class extends ToyStore {
    override write(plan: ToyPlan) {
      const { failing } = this.disk;
      this.disk.failing = false;
      super.write(plan);
      if (!failing) return;
      this.failed = new LanestoreError('LANESTORE_FAILED', 'the disk is full');
      throw this.failed;
    }
  },
  'fires hooks of a rejected write': class extends ToyStore {
    override write(plan: ToyPlan) {
      try {
        super.write(plan);
      } catch {
        // Ignored: the store continues as if the write had succeeded.
      }
    }
  },

  // Arguments.
  'throws at the call': class extends ToyStore {
    override persist(round: ToyRound, hooks: ToyHooks = {}) {
      if (typeof round !== 'object' || round === null) throw new TypeError('no round');
      return super.persist(round, hooks);
    }
  },
  'calls a programming mistake an invalid input': class extends ToyStore {
    override async submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      await super.submit(hooks, make).catch((error) => {
        throw error instanceof TypeError ? new LanestoreError('LANESTORE_INVALID', error.message) : error;
      });
    }
  },
  'takes anything for inner': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      if (typeof round !== 'object' || round === null) throw new TypeError('no round');
      const { inner, ...rest } = round;
      return super.planRound(state, inner instanceof Uint8Array ? round : rest);
    }
  },
  'finds out about hooks when it fires them': class extends ToyStore {
    override submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan) {
      const wrapped: ToyHooks = {
        anchor: hooks.anchor && ((anchor) => hooks.anchor?.(anchor)),
        commitQC: hooks.commitQC && ((qc) => hooks.commitQC?.(qc)),
        block: hooks.block && ((block) => hooks.block?.(block)),
      };
      return super.submit(wrapped, make);
    }
  },

  'takes a round with parts that no round has': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      const { anchor, inner, commitQCs, blocks } = round;
      return super.planRound(state, { anchor, inner, commitQCs, blocks });
    }
  },
  'takes a promise for a round': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      return super.planRound(state, round instanceof Promise ? {} : round);
    }
  },
  'takes a list for a round': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      return super.planRound(state, Array.isArray(round) ? {} : round);
    }
  },
  'takes a text for a list': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      return super.planRound(state, typeof round?.blocks === 'string' ? { ...round, blocks: [] } : round);
    }
  },
  'takes any hooks': class extends ToyStore {
    override checkHooks() {}
  },
  'takes hooks that it does not know': class extends ToyStore {
    override checkHooks(hooks: ToyHooks) {
      const { anchor, commitQC, block } = hooks;
      super.checkHooks({ anchor, commitQC, block });
    }
  },
  'takes no anchor for an anchor': class extends ToyStore {
    override anchor = { persist: (anchor: PlainAnchor) => this.persist({ anchor }) };
  },
  'takes rounds by their own fields only': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      return super.planRound(state, typeof round === 'object' && !('then' in round) ? { ...round } : round);
    }
  },

  // Bounds.
  'takes any number of entries': class extends ToyStore {
    override get entriesMax() {
      return Number.POSITIVE_INFINITY;
    }
  },
  'counts the blocks of a round, and not its CommitQCs': class extends ToyStore {
    uncounted = 0;
    override get entriesMax() {
      return super.entriesMax + this.uncounted;
    }
    override planRound(state: PlanState, round: ToyRound) {
      this.uncounted = round?.commitQCs?.length ?? 0;
      return super.planRound(state, round);
    }
  },
  'takes records of any size': class extends ToyStore {
    override checkRecords() {}
  },
  'takes CommitQCs and anchors of any size': class extends ToyStore {
    override checkRecords(plan: ToyPlan) {
      super.checkRecords({ ...plan, anchor: undefined, commitQCs: undefined });
    }
  },
  'takes an inner state of any size': class extends ToyStore {
    override checkInner() {}
  },
  'takes any number of lanes': class extends ToyStore {
    override checkLanes() {}
  },
  'counts the lanes that are durable only': class extends ToyStore {
    override checkLanes(plan: ToyPlan) {
      const { planned } = this;
      this.planned = this.disk.state;
      try {
        super.checkLanes(plan);
      } finally {
        this.planned = planned;
      }
    }
  },
  'refuses every round once it has too many lanes': class extends ToyStore {
    override checkLanes(plan: ToyPlan) {
      super.checkLanes(plan);
      if (this.planned.lanes.size > (this.options.maxLanes ?? 1e9))
        throw new LanestoreError('LANESTORE_INVALID', 'too many');
    }
  },
};
