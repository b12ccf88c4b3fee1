/** This store on LevelDB. */
import { type LevelOptions, type LevelStore, openLevel, type ValueOptions } from '../../src/index.js';
import type { CommitQC, PruneAnchor, SignedBlock } from '../../src/model/autobahn/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import type { ContenderKind } from './contender.js';
import { PortContender, type Submission, takeLive } from './port.js';

/** Settings that a run may vary; what is left out is the store's default. */
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

/** The store with settings of the caller's choice. */
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
  description: 'this store, one `persist` a round',
  submission: 'round',
});

export const levelInline = levelKind({
  name: 'level-inline',
  description: 'this store with `values: false`: large values go through LevelDB as all others do',
  submission: 'round',
  values: false,
});

export const levelLanes = levelKind({
  name: 'level-lanes',
  description: 'this store; anchor, QC log and each lane in calls of their own, all at once',
  submission: 'lanes',
});

export const levelAnchorFirst = levelKind({
  name: 'level-anchor-first',
  description: 'this store; the anchor awaited, then QC log and each lane in calls of their own, as the original does',
  submission: 'anchor-first',
  fullOnly: true,
});
