/**
 * The versions of the protocol that commands read, and the one that a directory holds.
 *
 * A state directory tells by its layout. A store is opened with the older version first, and again
 * with the newer one if it says that it was written with that.
 */
import {
  type CommitQC,
  type EntryChecks,
  isLanestoreError,
  type Model,
  autobahn as older,
  entryChecks as olderChecks,
  headerHash as olderHeaderHash,
  payloadHash as olderPayloadHash,
  type PruneAnchor,
  type SignedBlock,
} from '../index.js';
import { MANIFEST_SHAPE, MANIFEST_SHAPE_73F917BBD, type ManifestShape } from '../inspector/index.js';
import { readCommittees, readEpochs, SEI_LAYOUT } from '../migrations/index.js';
import {
  type CommitQC as NewerCommitQC,
  type PruneAnchor as NewerPruneAnchor,
  type SignedBlock as NewerSignedBlock,
  autobahn as newer,
  entryChecks as newerChecks,
  headerHash as newerHeaderHash,
  messageHash as newerMessageHash,
  payloadHash as newerPayloadHash,
} from '../model/autobahn/73f917bbd/index.js';
import { messageHash as olderMessageHash } from '../model/autobahn/index.js';
import { detectLayoutAt, openViewAt } from './locations.js';

type Hashes = Readonly<Record<string, Uint8Array>>;

/** A version of the protocol, as far as commands need it. */
export interface Protocol<B, Q, A> {
  readonly model: Model<B, Q, A>;
  readonly manifest: ManifestShape<B, Q, A>;
  /** Checks of entries; with a committee file, of signatures too. */
  readonly checks: (committeeFile?: string) => Promise<EntryChecks<B, Q, A>>;
  /** The hashes by which the network identifies an entry. */
  readonly hashes: {
    readonly block: (block: B) => Hashes;
    readonly commitQC: (qc: Q) => Hashes;
    readonly anchor: (anchor: A) => Hashes;
  };
}

const OLDER: Protocol<SignedBlock, CommitQC, PruneAnchor> = {
  model: older,
  manifest: MANIFEST_SHAPE,
  checks: async (file) => (file === undefined ? olderChecks() : olderChecks(await readCommittees(file))),
  hashes: {
    block: ({ block }) => ({
      header: olderHeaderHash(block.header),
      payload: olderPayloadHash(block.payload),
      message: olderMessageHash({ kind: 'laneProposal', value: block }),
    }),
    commitQC: ({ vote }) => ({ vote: olderMessageHash({ kind: 'commitVote', value: vote }) }),
    anchor: ({ appQC, commitQC }) => ({
      appVote: olderMessageHash({ kind: 'appVote', value: appQC.vote }),
      commitVote: olderMessageHash({ kind: 'commitVote', value: commitQC.vote }),
    }),
  },
};

/** The version 73f917bbd. */
export const NEWER: Protocol<NewerSignedBlock, NewerCommitQC, NewerPruneAnchor> = {
  model: newer,
  manifest: MANIFEST_SHAPE_73F917BBD,
  checks: async (file) => (file === undefined ? newerChecks() : newerChecks(await readEpochs(file))),
  hashes: {
    block: ({ block }) => ({
      header: newerHeaderHash(block.header),
      payload: newerPayloadHash(block.payload),
      message: newerMessageHash({ kind: 'laneProposal', value: block }),
    }),
    commitQC: ({ vote }) => ({ vote: newerMessageHash({ kind: 'commitVote', value: vote }) }),
    anchor: ({ appQC, commitQC }) => ({
      appVote: newerMessageHash({ kind: 'appVote', value: appQC.vote }),
      commitVote: newerMessageHash({ kind: 'commitVote', value: commitQC.vote }),
    }),
  },
};

/** What a command does with a version. It writes no output before it has opened its directory. */
type Use<T> = <B, Q, A>(protocol: Protocol<B, Q, A>) => Promise<T>;

/** Calls `use` with the version of the directory at `location`. @throws what `use` throws. */
export async function withProtocol<T>(location: string, use: Use<T>): Promise<T> {
  if (await isNewerState(location)) return use(NEWER);
  try {
    return await use(OLDER);
  } catch (error) {
    // LANESTORE_INVALID: a committee file of the newer version.
    const mayBeNewer = isLanestoreError(error, 'LANESTORE_SCHEMA') || isLanestoreError(error, 'LANESTORE_INVALID');
    if (!mayBeNewer || !(await isNewerStore(location))) throw error;
    return use(NEWER);
  }
}

/** True for a state directory of the newer version. Faults are reported by what opens it. */
export async function isNewerState(location: string): Promise<boolean> {
  try {
    return (await detectLayoutAt(location)).layout === SEI_LAYOUT;
  } catch (error) {
    if (isLanestoreError(error)) return false;
    throw error;
  }
}

/** True for a store that was written with the newer version. */
async function isNewerStore(location: string): Promise<boolean> {
  try {
    await (await openViewAt(location, { model: newer, examine: false })).close();
    return true;
  } catch (error) {
    if (isLanestoreError(error)) return false;
    throw error;
  }
}
