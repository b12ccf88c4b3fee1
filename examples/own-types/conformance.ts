/**
 * The conformance suite over custom types and a custom backend. With Node's test runner:
 *
 *     import { test } from 'node:test';
 *     import { conformance } from 'lanestore/conformance';
 *     conformance({ test, ...journalSubject });
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Features, Makers, Subject } from '../../src/conformance/index.js';
import { laneBytes, laneIdOf, openLevel } from '../../src/index.js';
import { openJournal } from './journal.js';
import { type Batch, type Certificate, type Checkpoint, ledger } from './model.js';

/** Entries of the model in model.ts. The same arguments make the same bytes. */
export const ledgerEntries: Makers<Batch, Certificate, Checkpoint> = {
  lanes: Array.from({ length: 8 }, (_, i) => laneIdOf(new Uint8Array(20).fill(i + 1))),
  block: (lane, number) => ({ author: laneBytes(lane), sequence: number, items: [new Uint8Array([1, 2, 3])] }),
  commitQC: (index, starts) => ({
    round: index,
    from: [...starts].map(([lane, sequence]) => ({ author: laneBytes(lane), sequence })),
  }),
  anchor: (_, certificate) => ({ stateHash: new Uint8Array(32), certificate }),
};

/**
 * The features of LevelDB with this model. A checkpoint has no round of its own, so it cannot
 * disagree with its certificate.
 */
const features: Features = {
  durable: true,
  atomicRounds: true,
  totalOrder: true,
  remembersEmptyCursors: true,
  exclusive: true,
  skipsLoading: true,
  limits: true,
  planLimits: true,
  votes: false,
  disagreeingAnchors: false,
};

async function freshFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'own-types-'));
}

/** The model over LevelDB. */
export const ledgerSubject: Subject<Batch, Certificate, Checkpoint> = {
  model: ledger,
  make: ledgerEntries,
  features,
  place: async () => {
    const folder = await freshFolder();
    return {
      open: (options) => openLevel(join(folder, 'store'), { ...options, model: ledger }),
      destroy: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

/**
 * The model over the journal in journal.ts, which has no lock, no limits of bytes, and no `load:
 * false`.
 */
export const journalSubject: Subject<Batch, Certificate, Checkpoint> = {
  model: ledger,
  make: ledgerEntries,
  features: { ...features, exclusive: false, skipsLoading: false, limits: false },
  place: async () => {
    const folder = await freshFolder();
    return {
      open: (options) => openJournal(join(folder, 'journal'), { ...options, model: ledger }),
      destroy: () => rm(folder, { recursive: true, force: true }),
    };
  },
};
