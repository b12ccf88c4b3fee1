/** What the witness says about a tip that was found. Pure. */
import { LanestoreError } from '../../errors.js';
import type { Tip } from './tip.js';
import { parseWitness, WITNESS_BYTES, WITNESS_FILE } from './witness.js';

/** What the witness proves. */
export interface WitnessVerdict {
  /** Every batch up to this one was acknowledged and is there. Absent if no slot is whole. */
  readonly provenSeq?: bigint;
  readonly notes: readonly string[];
}

/**
 * Compares the witness file's bytes (undefined: there is none) with the tip.
 * @throws LANESTORE_ROLLED_BACK if it was ahead, or of another store; LANESTORE_CORRUPT if the file is not whole although
 * rounds were written, which no crash can do.
 */
export function checkWitness(bytes: Uint8Array | undefined, tip: Tip): WitnessVerdict {
  const slots = bytes === undefined ? [] : parseWitness(bytes);
  for (const slot of slots) {
    if (Buffer.compare(slot.store, tip.store) !== 0) {
      throw rolledBack(
        'witness-store',
        `the witness is of store ${hex(slot.store)}, the database of store ${hex(tip.store)}`,
      );
    }
  }
  const newest = slots[0];
  if (newest !== undefined && newest.seq > tip.seq) {
    throw rolledBack(
      'witness-ahead',
      `batch ${newest.seq} was acknowledged, the newest one in the database is ${tip.seq}: acknowledged data is gone`,
    );
  }
  const whole = bytes !== undefined && bytes.length >= WITNESS_BYTES;
  if (!whole && tip.seq > 0n) {
    const detail =
      bytes === undefined ? 'the file is missing' : `the file has ${bytes.length} bytes, not ${WITNESS_BYTES}`;
    throw new LanestoreError(
      'LANESTORE_CORRUPT',
      `${WITNESS_FILE}: ${detail}: what was acknowledged cannot be told; bring the file back with its database`,
      { findings: [{ kind: 'witness-damaged', file: WITNESS_FILE, detail }] },
    );
  }
  if (newest !== undefined) return { provenSeq: newest.seq, notes: [] };
  const notes = whole ? ['both slots of the witness are torn: it proves nothing about what was acknowledged'] : [];
  return { notes };
}

function rolledBack(kind: string, detail: string): LanestoreError {
  return new LanestoreError('LANESTORE_ROLLED_BACK', `the store was rolled back: ${detail}`, {
    findings: [{ kind, file: WITNESS_FILE, detail }],
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
