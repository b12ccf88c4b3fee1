/**
 * Opens a store that lacks acknowledged batches, because an operator accepted the loss. One synced
 * batch records the decision:
 *
 *   meta/tip, votes          the same, with the new seq, and with every part of the votes closed
 *   meta/event/<seq>         {event: "rollback-accepted", at, tipSeq, witnessSeq | null,
 *                            why: [kinds of findings]}
 *
 * The lost batches may have held votes, so nothing is signed until an operator opens the parts
 * (docs/signing-safety.md).
 *
 * The next batch number is above every number that the lost batches can have had: if their files
 * come back, they are older than the witness and are refused. If the witness does not record how
 * far the lost batches went, numbering skips ahead.
 */
import { type Finding, type FindingKind, LanestoreError } from '../../../errors.js';
import { eventKey } from '../../../keys/index.js';
import type { Engine } from '../engine.js';
import type { Tip } from '../format/tip.js';
import type { StoredVotes } from '../format/votes.js';
import { parseWitness, WITNESS_BYTES } from '../format/witness.js';
import type { AcceptRollback } from '../options.js';
import { amended, closedFor } from './amend.js';

/**
 * The findings that an operator may accept: the newest batches are gone, or cannot be proven
 * complete. Damage of existing records is not acceptable.
 */
const ACCEPTABLE: readonly FindingKind[] = ['log-torn', 'witness-ahead', 'witness-store', 'witness-damaged'];

/**
 * More batches than a store can have written and lost: fifty days at a thousand batches a second.
 */
const LEAP = 2n ** 32n;

/** True if acknowledged batches, and the votes in them, are known to be gone. */
function isLoss(kinds: readonly FindingKind[]): boolean {
  return kinds.includes('witness-ahead') || kinds.includes('log-torn');
}

/** True if there are findings, and an operator may accept all of them. */
export function isAcceptable(findings: readonly Finding[]): boolean {
  return findings.length > 0 && findings.every(({ kind }) => ACCEPTABLE.includes(kind));
}

/**
 * @throws LANESTORE_INVALID unless the operator's decision is about this state: a refusal based on
 * the witness, with `seq` as the newest batch.
 */
export function checkAccepted(accept: AcceptRollback, findings: readonly Finding[], seq: bigint | undefined): void {
  if (findings.length === 0) throw unfit('the store is not rolled back: open it without');
  if (seq !== accept.seq) throw unfit(`the newest batch that is there is ${seq ?? 'not known'}, not ${accept.seq}`);
}

/** The state from which a store continues after an accepted rollback. */
export interface AcceptedRollback {
  readonly tip: Tip;
  readonly votes: StoredVotes;
  /** The witness must be replaced: it is absent, damaged, or of another store. */
  readonly needsWitness: boolean;
  readonly notes: readonly string[];
}

/** Records the decision, durably. */
export async function recordRollback(
  engine: Engine,
  { tip, votes }: { readonly tip: Tip; readonly votes: StoredVotes },
  witness: Uint8Array | undefined,
  findings: readonly Finding[],
): Promise<AcceptedRollback> {
  const newest = parseWitness(witness ?? new Uint8Array())[0];
  const isOurs = newest !== undefined && Buffer.compare(newest.store, tip.store) === 0;
  const seq = isOurs && newest.seq > tip.seq ? newest.seq + 1n : tip.seq + LEAP;
  const why = findings.map(({ kind }) => kind);
  const next = amended(tip, {
    votes: closedFor(votes, `a rollback to batch ${tip.seq} was accepted (${why.join(', ')})`, isLoss(why)),
    event: { event: 'rollback-accepted', tipSeq: tip.seq, witnessSeq: newest?.seq ?? null, why },
    seq,
  });
  await engine.write(next.operations);
  return {
    tip: next.tip,
    votes: next.votes,
    needsWitness: !isOurs || (witness?.length ?? 0) < WITNESS_BYTES,
    notes: [`a rollback to batch ${tip.seq} was accepted and recorded under ${eventKey(seq)}`],
  };
}

function unfit(detail: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `acceptRollback does not fit: ${detail}`);
}
