/**
 * Opens the sinks of a guard, before it signs anything: reads them, compares the store with what
 * they hold, claims them, and puts the newest batch to a quorum.
 *
 * Sinks are read before they are claimed, so that a refused copy does not fence a running guard.
 */
import type { VoteStore } from '../adapter/persistence.js';
import { VOTE_PARTS } from '../adapter/store-votes.js';
import { isClosed } from '../adapter/vote-rules.js';
import type { WitnessSet } from '../adapter/witness-set.js';
import { isSameSet } from '../adapter/witness-set.js';
import { LanestoreError } from '../errors.js';
import type { GuardOptions } from './options.js';
import { SinkFeed } from './sink-feed.js';
import { givenSet, sinksOf, witnessKeyOf } from './sink-options.js';
import { type SinkVerdict, verdictOn } from './sink-verdict.js';
import { StoreHistory } from './store-history.js';
import { fencedError, type WitnessRecord } from './witness.js';
import { noQuorumError, WitnessQuorum } from './witness-quorum.js';

/** Sinks that were read and claimed. */
export interface ClaimedWitnesses {
  /** Records the set. Resolves when a quorum holds the newest batch: the guard may then sign. */
  begin(): Promise<WitnessQuorum>;
  /** Stops all puts, and closes the sinks. */
  close(): void;
}

/**
 * Undefined if nothing is witnessed: there are no sinks, every part was closed before, or the
 * sinks' answers closed every part.
 * @throws LANESTORE_ROLLED_BACK if a sink is ahead of the store; LANESTORE_IO without a quorum;
 * LANESTORE_INVALID if the store records other sinks.
 */
export async function claimWitnesses<Vote, Block, Signed>(
  options: GuardOptions<Vote, Block, Signed>,
  votes: VoteStore<Block>,
  signer: Uint8Array,
): Promise<ClaimedWitnesses | undefined> {
  const isFirst = votes.planned.signer === undefined && options.firstUse === true;
  const given = givenSet(options);
  const isAllClosed = VOTE_PARTS.every((part) => isClosed(votes.planned, part));
  if (isAllClosed && !isFirst) return undefined;
  const { sinks: recorded } = votes.planned;
  if (given === undefined) {
    if (recorded === undefined) return undefined;
    throw otherSinks(`openGuard: sinks are missing: ${recorded.names.join(', ')} witness what the key signs`);
  }
  const opening = new Opening(options, { votes, signer, given });
  try {
    if ((await opening.judged('read')) && (await opening.judged('claim'))) return opening;
  } catch (error) {
    opening.close();
    throw error;
  }
  opening.close();
  return undefined;
}

interface OpeningParts<Block> {
  readonly votes: VoteStore<Block>;
  readonly signer: Uint8Array;
  readonly given: WitnessSet;
}

class Opening<Vote, Block, Signed> implements ClaimedWitnesses {
  readonly #options: GuardOptions<Vote, Block, Signed>;
  readonly #votes: VoteStore<Block>;
  readonly #given: WitnessSet;
  /** Sets that must be read and written: the given one, and those that it replaces. */
  readonly #sets: readonly WitnessSet[];
  readonly #feeds: readonly SinkFeed[];
  readonly #quorum: WitnessQuorum;
  readonly #isFirst: boolean;

  constructor(options: GuardOptions<Vote, Block, Signed>, { votes, signer, given }: OpeningParts<Block>) {
    const { sinks: recorded, signer: bound } = votes.planned;
    const { sinks, former, mode, msMax } = sinksOf(options);
    this.#options = options;
    this.#votes = votes;
    this.#given = given;
    this.#isFirst = bound === undefined;
    this.#sets = setsOf(given, recorded, options.changeSinks === true);
    const needed = new Set(this.#sets.flatMap(({ names }) => names));
    const all = [...sinks, ...former.filter(({ name }) => needed.has(name))];
    const key = witnessKeyOf(options, signer);
    const history = new StoreHistory<Block>({
      store: options.store,
      votes,
      model: options.model.name,
      network: key.network,
      sinks: { names: given.names, quorum: given.quorum, mode },
    });
    this.#feeds = all.map((sink) => {
      return new SinkFeed(sink, {
        key,
        msMax,
        newest: () => history.newest(),
        judge: (record) => this.#judgeLate(record),
        changed: () => this.#quorum.changed(),
        lost: (error) => void this.#lose(sink.name, error),
      });
    });
    const newestSeq = () => votes.newest.seq;
    this.#quorum = new WitnessQuorum(this.#feeds, this.#sets, { mode, msMax, newestSeq });
  }

  /** True if the store may sign, according to its sinks; false if every part was closed. */
  async judged(step: 'read' | 'claim'): Promise<boolean> {
    // A sink that did not answer the read is not claimed: it would cost a second timeout.
    const asked = step === 'read' ? this.#feeds : this.#feeds.filter(({ error }) => error === undefined);
    const records = new Map<string, WitnessRecord>();
    const answer = async (feed: SinkFeed) => void records.set(feed.sink.name, await feed[step]());
    await Promise.allSettled(asked.map(answer));
    // In the order of the options, not of the answers, so that the error does not depend on timing.
    const verdicts = new Map<string, SinkVerdict>();
    for (const { sink } of this.#feeds) {
      const record = records.get(sink.name);
      if (record !== undefined) verdicts.set(sink.name, this.#verdictOn(record.last?.history));
    }
    for (const [name, verdict] of verdicts) {
      if (this.#isFirst && verdict.kind !== 'none') throw signedBefore(name);
      if (verdict.kind === 'ahead') throw aheadError(name, verdict.why);
      if (verdict.kind === 'stranger') return this.#close(`sink ${name}: ${verdict.why}`);
    }
    return this.#checkQuorums(verdicts);
  }

  async begin(): Promise<WitnessQuorum> {
    const votes = this.#votes;
    const quorum = this.#quorum;
    await quorum.reach(votes.newest.seq);
    const { sinks: recorded } = votes.planned;
    if (!isSameSet(recorded, this.#given)) {
      const former = recorded === undefined ? {} : { former: { names: recorded.names, quorum: recorded.quorum } };
      await votes.setSinks({ ...this.#given, ...former });
    }
    if (votes.planned.sinks?.former !== undefined) {
      // Put to the removed sinks, too: a copy from before the change lacks this batch, so it is
      // behind these sinks.
      await quorum.reach(votes.newest.seq);
      await votes.setSinks(this.#given);
    }
    quorum.setSets([this.#given]);
    return quorum;
  }

  /** Stops all puts, and closes the sinks. */
  close(): void {
    for (const feed of this.#feeds) feed.close();
  }

  /**
   * Checks that a quorum of each set answered and, if the store records the set, knows the key.
   * False if the store was closed.
   */
  async #checkQuorums(verdicts: ReadonlyMap<string, SinkVerdict>): Promise<boolean> {
    const { sinks: recorded } = this.#votes.planned;
    const failed = this.#feeds.flatMap(({ sink, error }) => {
      return verdicts.has(sink.name) ? [] : [[sink.name, error ?? new Error('it was not asked')] as const];
    });
    for (const set of this.#sets) {
      const isOld = isSameSet(set, recorded) || isSameSet(set, recorded?.former);
      const counted = set.names.filter((name) => verdicts.has(name));
      const forgot = isOld ? counted.filter((name) => verdicts.get(name)?.kind === 'none') : [];
      if (counted.length - forgot.length >= set.quorum) continue;
      // The sinks that did not answer may know the key, so nothing is closed yet.
      if (set.names.length - forgot.length >= set.quorum) {
        const forgetful = forgot.map((name) => [name, new Error('it forgot this key')] as const);
        throw noQuorumError('openGuard: nothing is signed', this.#sets, [...forgetful, ...failed]);
      }
      return this.#close(`these sinks forgot what it signed: ${forgot.join(', ')}`);
    }
    return true;
  }

  #verdictOn(history: Parameters<typeof verdictOn>[0]): SinkVerdict {
    const { newest, durable } = this.#votes;
    return verdictOn(history, { newest, votes: durable, cursors: this.#options.store.cursors });
  }

  #judgeLate({ last }: WitnessRecord): void {
    const verdict = this.#verdictOn(last?.history);
    if (verdict.kind === 'ahead' || verdict.kind === 'stranger') throw fencedError(verdict.why);
  }

  async #close(why: string): Promise<false> {
    await this.#votes.quarantine(VOTE_PARTS, why);
    return false;
  }

  /** Closes every part, then rejects pending waits. */
  async #lose(name: string, cause: LanestoreError): Promise<void> {
    const error = new LanestoreError('LANESTORE_FENCED', `sink ${name}: ${cause.message}`, { cause });
    // If the write fails, the parts are closed in this process at least.
    await this.#votes.quarantine(VOTE_PARTS, error.message).catch(() => undefined);
    this.#quorum.lose(error);
  }
}

/**
 * The sets whose quorums count at open.
 * @throws LANESTORE_INVALID if the set changes without `changeSinks`.
 */
function setsOf(given: WitnessSet, recorded: WitnessSet | undefined, mayChange: boolean): readonly WitnessSet[] {
  const former = recorded?.former === undefined ? [] : [recorded.former];
  if (recorded === undefined || isSameSet(given, recorded)) return [given, ...former];
  if (mayChange) return [given, recorded, ...former];
  const { names, quorum } = recorded;
  throw otherSinks(`openGuard: the store records other sinks: ${quorum} of ${names.join(', ')}`);
}

function otherSinks(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', what, {
    remedy:
      'give these sinks; to replace them, give changeSinks: true, and those that leave as formerSinks: see docs/signing-safety.md',
  });
}

function signedBefore(name: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `openGuard: firstUse, but sink ${name} holds what the key signed`, {
    remedy: 'a key that has signed before: bring its signing state, see docs/signing-safety.md',
  });
}

function aheadError(name: string, why: string): LanestoreError {
  return new LanestoreError('LANESTORE_ROLLED_BACK', `sink ${name}: ${why}`, {
    remedy:
      'bring back the newest state of this store; if it is lost, "lanestore votes import --sinks", see docs/signing-safety.md',
  });
}
