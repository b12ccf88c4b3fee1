/**
 * Going on from a store that is older than what it acknowledged, because an operator says so. It is recorded, in one synced batch:
 *
 *   meta/tip                 the same, with the new seq
 *   meta/event/<seq>         {event: "rollback-accepted", at, tipSeq, witnessSeq | null, why: [kinds of findings]}
 *
 * Numbering goes on behind all that the lost batches can have had, so that their files, should they come back, are older than the witness
 * and refused. Where the witness does not tell how far they went, it leaps.
 */
import { type Finding, type FindingKind, LanestoreError } from '../../../errors.js';
import { eventKey, TIP_KEY } from '../../../keys/index.js';
import type { Engine } from '../engine.js';
import { encodeRecord } from '../format/record.js';
import { encodeTip, type Tip } from '../format/tip.js';
import { parseWitness, WITNESS_BYTES } from '../format/witness.js';
import type { AcceptRollback } from '../options.js';

/** What an operator may accept: the newest batches are gone, or nothing vouches for them. Never damage of what is there. */
const ACCEPTABLE: readonly FindingKind[] = ['log-torn', 'witness-ahead', 'witness-store', 'witness-damaged'];

/** More batches than a store can have written and lost: at a thousand a second, fifty days' worth. */
const LEAP = 2n ** 32n;

/** True if the findings are such as an operator may accept, and there are some. */
export function isAcceptable(findings: readonly Finding[]): boolean {
  return findings.length > 0 && findings.every(({ kind }) => ACCEPTABLE.includes(kind));
}

/** @throws LANESTORE_INVALID unless the operator saw this state: a refusal because of its witness, with `seq` as the newest batch. */
export function checkAccepted(accept: AcceptRollback, findings: readonly Finding[], seq: bigint | undefined): void {
  if (findings.length === 0) throw unfit('the store is not rolled back: open it without');
  if (seq !== accept.seq) throw unfit(`the newest batch that is there is ${seq ?? 'not known'}, not ${accept.seq}`);
}

/** How a store goes on after an accepted rollback. */
export interface AcceptedRollback {
  readonly tip: Tip;
  /** The witness must be made anew: there is none, or it is not whole, or another store's. */
  readonly needsWitness: boolean;
  readonly notes: readonly string[];
}

/** Records the decision, durably. */
export async function recordRollback(
  engine: Engine,
  tip: Tip,
  witness: Uint8Array | undefined,
  findings: readonly Finding[],
): Promise<AcceptedRollback> {
  const newest = parseWitness(witness ?? new Uint8Array())[0];
  const isOurs = newest !== undefined && Buffer.compare(newest.store, tip.store) === 0;
  const next = { ...tip, seq: isOurs && newest.seq > tip.seq ? newest.seq + 1n : tip.seq + LEAP };
  const key = eventKey(next.seq);
  const event = encodeRecord(key, {
    event: 'rollback-accepted',
    at: new Date().toISOString(),
    tipSeq: tip.seq,
    witnessSeq: newest?.seq ?? null,
    why: findings.map(({ kind }) => kind),
  });
  await engine.write([
    { type: 'put', key: TIP_KEY, value: encodeTip(next).bytes },
    { type: 'put', key, value: event.bytes },
  ]);
  return {
    tip: next,
    needsWitness: !isOurs || (witness?.length ?? 0) < WITNESS_BYTES,
    notes: [`a rollback to batch ${tip.seq} was accepted and recorded under ${key}`],
  };
}

function unfit(detail: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `acceptRollback does not fit: ${detail}`);
}
