/** The content of a store of the plain model, as one text for comparison. */
import { createHash } from 'node:crypto';
import type { LevelStore } from '../../src/adapter/level/index.js';
import type { Cursors, Recovered } from '../../src/adapter/persistence.js';
import type { PlainAnchor, PlainBlock, PlainQC } from './plain-model.js';

type PlainRecovered = Recovered<PlainBlock, PlainQC, PlainAnchor>;

/** The content of a newly opened store; consumes the recovered entries. */
export function contentOf(store: LevelStore<PlainBlock, PlainQC, PlainAnchor>): string {
  return contentText(store.takeRecovered(), store.cursors);
}

/** Cursors and entries, each lane's blocks as a digest. */
export function contentText({ anchor, inner, commitQCs, blocks }: PlainRecovered, cursors: Cursors): string {
  const lanes = [...cursors.lanes].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `anchor ${anchor === undefined ? '-' : `${anchor.index} ${qcText(anchor.qc)}`}`,
    `inner ${inner === undefined ? '-' : Buffer.from(inner).toString('hex')}`,
    `qc [${cursors.commitQCs.first}, ${cursors.commitQCs.next}) ${commitQCs.map(qcText).join(' ')}`,
    ...lanes.map(([lane, { first, next }]) => `lane ${lane} [${first}, ${next}) ${blocksText(blocks.get(lane) ?? [])}`),
  ].join('\n');
}

function qcText({ index, starts }: PlainQC): string {
  return `${index}{${starts.map(([lane, start]) => `${lane}:${start}`).join(',')}}`;
}

function blocksText(blocks: readonly PlainBlock[]): string {
  const hash = createHash('sha256');
  for (const { lane, number, data } of blocks) hash.update(`${lane}/${number}/${data.length}/`).update(data);
  return `${blocks.length} ${hash.digest('hex').slice(0, 16)}`;
}
