/** Compares the witness with the tip of the database. Pure. */
import { hex } from '../../../base/bytes.js';
import type { Finding } from '../../../errors.js';
import { parseWitness, WITNESS_BYTES, WITNESS_FILE } from './witness.js';

/** What the witness proves. */
export interface WitnessVerdict {
  /** Every batch up to this one was acknowledged and is present. Absent if no slot is whole. */
  readonly provenSeq?: bigint;
  readonly notes: readonly string[];
  /**
   * `witness-ahead`, `witness-store`, or `witness-damaged`: the file is missing or short although
   * batches were written. No crash causes that.
   */
  readonly findings: readonly Finding[];
}

/** The store's id and the newest batch of a database; undefined where unknown. */
export interface FoundTip {
  readonly store?: Uint8Array | undefined;
  readonly seq?: bigint | undefined;
}

/** Compares the bytes of the witness file (undefined if it is missing) with the database. */
export function judgeWitness(bytes: Uint8Array | undefined, { store, seq }: FoundTip): WitnessVerdict {
  const slots = bytes === undefined ? [] : parseWitness(bytes);
  const findings: Finding[] = [];
  const find = (kind: Finding['kind'], detail: string) => findings.push({ kind, file: WITNESS_FILE, detail });
  const foreign = slots.find((slot) => store !== undefined && Buffer.compare(slot.store, store) !== 0);
  const newest = slots[0];
  const whole = bytes !== undefined && bytes.length >= WITNESS_BYTES;
  if (foreign !== undefined && store !== undefined) {
    find('witness-store', `the witness is of store ${hex(foreign.store)}, the database of store ${hex(store)}`);
  } else if (newest !== undefined && newest.seq > (seq ?? -1n)) {
    const have = seq === undefined ? 'the database has none' : `the newest one in the database is ${seq}`;
    find('witness-ahead', `batch ${newest.seq} was acknowledged, ${have}: acknowledged data is gone`);
  } else if (!whole && (seq ?? 0n) > 0n) {
    const what = bytes === undefined ? 'it is missing' : `it has ${bytes.length} bytes, not ${WITNESS_BYTES}`;
    find('witness-damaged', `${what}: what was acknowledged cannot be told; bring it back with its database`);
  }
  if (findings.length > 0) return { notes: [], findings };
  if (newest !== undefined) return { provenSeq: newest.seq, notes: [], findings };
  const notes = whole ? ['both slots of the witness are torn: it proves nothing about what was acknowledged'] : [];
  return { notes, findings };
}
