/** The LevelDB store as a contender. */
import { type LevelOptions, type LevelStore, openLevel, type ValueOptions } from '../../src/index.js';
import type { CommitQC, PruneAnchor, SignedBlock } from '../../src/model/autobahn/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import type { ContenderKind } from './contender.js';
import { PortContender, type Submission, takeLive } from './port.js';

/** Settings of a contender. Omitted settings have the store's defaults. */
export interface LevelVariant {
  readonly name: string;
  readonly description: string;
  readonly submission: Submission;
  readonly level?: LevelOptions;
  readonly fullOnly?: boolean;
  readonly maxMergeBytes?: number;
  /** False keeps large values in LevelDB. */
  readonly values?: boolean | ValueOptions;
}

/** The LevelDB store with these settings. */
export function levelKind({
  name,
  description,
  submission,
  level,
  maxMergeBytes,
  values = true,
  fullOnly = false,
}: LevelVariant): ContenderKind {
  const open = (dir: string): Promise<LevelStore<SignedBlock, CommitQC, PruneAnchor>> =>
    openLevel(dir, {
      model: autobahn,
      values,
      ...(level === undefined ? {} : { level }),
      ...(maxMergeBytes === undefined ? {} : { maxMergeBytes }),
    });
  return {
    name,
    description,
    fullOnly,
    async open(dir) {
      const store = await open(dir);
      return new PortContender(store, submission, () => Number(store.seq));
    },
    async restart(dir) {
      const start = performance.now();
      const store = await open(dir);
      const live = takeLive(store);
      const openMs = performance.now() - start;
      await store.close();
      return { openMs, live };
    },
  };
}

export const level = levelKind({
  name: 'level',
  description: 'this store, one `persist` per round',
  submission: 'round',
});

export const levelInline = levelKind({
  name: 'level-inline',
  description: 'this store with `values: false`: large values are stored in LevelDB like all others',
  submission: 'round',
  values: false,
});

export const levelLanes = levelKind({
  name: 'level-lanes',
  description: 'this store; separate, concurrent calls for anchor, QC log and each lane',
  submission: 'lanes',
});

export const levelAnchorFirst = levelKind({
  name: 'level-anchor-first',
  description: 'this store; the anchor awaited first, then separate calls for QC log and each lane, as in the original',
  submission: 'anchor-first',
  fullOnly: true,
});
