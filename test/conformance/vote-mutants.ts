/** Stores that do one thing wrong with votes: the suite must catch each. */
import { advance, type PlanState } from '../../src/adapter/index.js';
import type { Cursor, VoteState } from '../../src/adapter/persistence.js';
import { NO_VOTES, withQuarantine } from '../../src/adapter/vote-rules.js';
import type { LaneId } from '../../src/keys/index.js';
import type { VotePart } from '../../src/model/model.js';
import { type ToyClass, type ToyHooks, type ToyPlan, type ToyRound, ToyStore } from './toy-store.js';

/** By what they do wrong. */
export const VOTE_MUTANTS: Readonly<Record<string, ToyClass>> = {
  'forgets votes when it is closed': class extends ToyStore {
    override stateAtOpen() {
      const { signer } = this.disk.state.votes!;
      return { ...super.stateAtOpen(), votes: { ...NO_VOTES, signer } };
    }
  },
  'forgets the votes of the last round': class extends ToyStore {
    lastVotes: VoteState | undefined;
    override write(plan: ToyPlan) {
      this.lastVotes = this.disk.state.votes;
      super.write(plan);
    }
    override async shutdown() {
      await super.shutdown();
      if (this.lastVotes !== undefined) this.disk.state.votes = this.lastVotes;
    }
  },
  'judges votes against the durable ones': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      if (round?.votes === undefined) return super.planRound(state, round);
      return super.planRound({ ...state, votes: this.disk.state.votes }, round);
    }
  },
  'judges votes against the durable CommitQCs': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      if (round?.votes === undefined) return super.planRound(state, round);
      return super.planRound({ ...state, commitQCs: this.disk.state.commitQCs }, round);
    }
  },
  'stores what is beside a refused vote': class extends ToyStore {
    override async persist(round: ToyRound, hooks: ToyHooks = {}) {
      try {
        await super.persist(round, hooks);
      } catch (error) {
        if (round?.votes !== undefined && round.inner !== undefined) this.disk.inner = round.inner;
        throw error;
      }
    }
  },
  'takes votes with blocks': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      if (round?.votes === undefined || round.blocks === undefined) return super.planRound(state, round);
      return super.planRound(state, { ...round, votes: undefined });
    }
  },
  'takes votes without a key': class extends ToyStore {
    override stateAtOpen() {
      const state = super.stateAtOpen();
      return { ...state, votes: { ...state.votes!, signer: state.votes?.signer ?? new Uint8Array(32) } };
    }
  },
  'binds one key after another': class extends ToyStore {
    override bound(votes: VoteState, signer: Uint8Array) {
      return { ...votes, signer };
    }
  },
  'forgets its key': class extends ToyStore {
    override stateAtOpen() {
      const state = super.stateAtOpen();
      return { ...state, votes: { ...state.votes!, signer: undefined } };
    }
  },
  'ignores a quarantine': class extends ToyStore {
    override planRound(state: PlanState, round: ToyRound) {
      if (round?.votes === undefined) return super.planRound(state, round);
      return super.planRound({ ...state, votes: { ...state.votes!, quarantine: undefined } }, round);
    }
  },
  'closes everything for one part': class extends ToyStore {
    override quarantined(votes: VoteState, _: readonly VotePart[], why: string) {
      return withQuarantine(votes, { parts: ['rounds', 'app', 'lanes', 'own'], why, when: new Date(0).toISOString() });
    }
  },
  'opens what was closed when another part is closed': class extends ToyStore {
    override quarantined(votes: VoteState, parts: readonly VotePart[], why: string) {
      return { ...votes, quarantine: { parts, why, when: new Date(0).toISOString() } };
    }
  },
  'forgets a quarantine when it is closed': class extends ToyStore {
    override stateAtOpen() {
      const state = super.stateAtOpen();
      return { ...state, votes: { ...state.votes!, quarantine: undefined } };
    }
  },
  'forgets its sinks when it is closed': class extends ToyStore {
    override stateAtOpen() {
      const state = super.stateAtOpen();
      return { ...state, votes: { ...state.votes!, sinks: undefined } };
    }
  },
  'leaves no floor for a lane that is dropped': class extends ToyStore {
    override floored(votes: VoteState) {
      return votes;
    }
  },
  'leaves the next number as a floor': class extends ToyStore {
    override floored(votes: VoteState, dropped: readonly LaneId[], lanes: ReadonlyMap<LaneId, Cursor>) {
      const { laneFloors } = super.floored(votes, dropped, lanes);
      return { ...votes, laneFloors: new Map([...laneFloors].map(([lane, floor]) => [lane, floor + 1n] as const)) };
    }
  },
  'counts the durable blocks of a dropped lane only': class extends ToyStore {
    override floored(votes: VoteState, dropped: readonly LaneId[]) {
      return super.floored(votes, dropped, this.disk.state.lanes);
    }
  },
  'lets floors fall': class extends ToyStore {
    override writeVotes(votes: VoteState) {
      const last = [...votes.laneFloors].map(([lane]) => [lane, 1n] as const);
      super.writeVotes({ ...votes, laneFloors: new Map(last) });
    }
  },
  'reads blocks of lanes that were dropped': class extends ToyStore {
    readonly dropped = new Map(this.disk.blocks);
    override forget(lane: LaneId) {
      for (const [held, list] of this.disk.blocks) this.dropped.set(held, list);
      super.forget(lane);
    }
    override durableBlock(lane: LaneId, number: bigint) {
      return super.durableBlock(lane, number) ?? this.dropped.get(lane)?.find((block) => block.number === number);
    }
  },
  'takes two guards': class extends ToyStore {
    override attach() {
      return () => undefined;
    }
  },
  'lets a guard that has left free the place of the next one': class extends ToyStore {
    override attach() {
      super.attach();
      return () => {
        this.attached = undefined;
      };
    }
  },
  'fires hooks of votes with other digests': class extends ToyStore {
    override fire(plan: ToyPlan, hooks: ToyHooks) {
      const votes = plan.notify.votes?.map(({ vote }) => ({ vote, digest: new Uint8Array(32) }));
      super.fire(votes === undefined ? plan : { ...plan, notify: { ...plan.notify, votes } }, hooks);
    }
  },
  'gives hooks of votes the digests that it keeps': class extends ToyStore {
    override hookCalls(plan: ToyPlan, { vote, ...hooks }: ToyHooks) {
      const kept = (plan.notify.votes ?? []).map((given) => () => vote?.(given.vote, given.digest));
      return [...super.hookCalls(plan, hooks), ...kept];
    }
  },
  'fires hooks of votes before they are durable': class extends ToyStore {
    override write(plan: ToyPlan) {
      const { votes } = plan;
      super.write({ ...plan, votes: undefined });
      if (votes !== undefined) setImmediate(() => advance(this.disk.state, { ...plan, votes }));
    }
  },
};
