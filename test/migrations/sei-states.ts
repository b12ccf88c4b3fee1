/** States of the original at 73f917bbd for tests: copies, epochs, content. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_SHAPE_73F917BBD, type ManifestSource, manifestChunks } from '../../src/inspector/index.js';
import { openState } from '../../src/migrations/index.js';
import {
  autobahn,
  type CommitQC,
  Committee,
  type Epoch,
  Epochs,
  type PruneAnchor,
  type SignedBlock,
} from '../../src/model/autobahn/73f917bbd/index.js';
import { fixture } from '../support/fixtures.js';

/** The fixtures with a state. */
export const SEI_STATES = ['ordinary', 'closed', 'epochs', 'no-anchor'] as const;
/** One of them. */
export type SeiState = (typeof SEI_STATES)[number];

/** What the original says of a state. */
export interface SeiExpected {
  readonly anchor: Readonly<Record<string, unknown>> | null;
  readonly commitQCs: readonly Readonly<Record<string, unknown>>[];
  readonly lanes: Readonly<Record<string, readonly { readonly number: string }[]>>;
  readonly committee: readonly { readonly lane: string; readonly weight: string }[];
  readonly epoch: string;
  readonly innerBytes: number;
  readonly innerSha256: string;
  readonly blockStoreStatus?: Readonly<Record<string, string>>;
  readonly blockStoreSuffix?: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>>;
  readonly afterStart: {
    readonly firstRoad: string;
    readonly lastCommitQC: string;
    readonly nextBlock: Readonly<Record<string, string>>;
  };
}

/** `expected.json` of a state. */
export function seiExpected(state: SeiState): SeiExpected {
  return JSON.parse(readFileSync(fixture('head', state, 'expected.json'), 'utf8'));
}

/** A copy of a state in `dir`. */
export function copySeiState(state: SeiState, dir: string, as: string = state): string {
  const to = join(dir, as);
  cpSync(fixture('head', state, 'state'), to, { recursive: true });
  return to;
}

/** The manifest of a source or a view. */
export async function seiManifest(source: ManifestSource<SignedBlock, CommitQC, PruneAnchor>) {
  let text = '';
  for await (const chunk of manifestChunks(source, MANIFEST_SHAPE_73F917BBD)) text += chunk;
  return JSON.parse(text) as Pick<SeiExpected, 'anchor' | 'commitQCs' | 'lanes'>;
}

/**
 * The epochs of a state: those of its CommitQCs, with a weight of 1000 for each lane, as the
 * fixtures have it, except for the newest epoch, whose weights are known.
 */
export async function seiEpochs(state: SeiState): Promise<Epochs> {
  const { committee, epoch } = seiExpected(state);
  const source = await openState(fixture('head', state, 'state'), autobahn);
  const epochs = new Map<bigint, Epoch>();
  for await (const { entry } of source.commitQCs()) {
    const { view, laneRanges } = entry.vote;
    if (epochs.has(view.epochIndex)) continue;
    const known = new Map(committee.map(({ lane, weight }) => [lane, BigInt(weight)]));
    const isNewest = view.epochIndex === BigInt(epoch);
    const members = laneRanges.map(({ lane }) => {
      const weight = isNewest ? known.get(Buffer.from(lane).toString('hex')) : 1000n;
      return { lane, weight: weight ?? 0n };
    });
    const from = epochs.size === 0 ? 0n : view.index;
    epochs.set(view.epochIndex, { index: view.epochIndex, from, committee: new Committee(members) });
  }
  await source.close();
  return new Epochs(epochs.values());
}
