/**
 * The manifest: all entries of a state, decoded, with hashes, and what its key may sign, as one
 * JSON object. Two states with the same manifest hold the same entries, byte for byte:
 * `recordSha256` is over the entry's protobuf, in every layout. And both keep the same votes, or
 * neither keeps any. The inner state is the node's own, and not in it.
 *
 * The shape is that of the original's recordings (test/fixtures/README.md), which keep no votes:
 * 64-bit numbers are decimal strings, bytes are hex.
 */
import type {
  AppProposal,
  CommitQC,
  LaneId,
  Payload,
  PruneAnchor,
  Recovered,
  SignedBlock,
  StoredVotes,
  StoreView,
  ViewItem,
} from '../index.js';
import { autobahn, codecs, globalRange, headerHash, messageHash, payloadHash } from '../model/autobahn/index.js';
import {
  blockLine,
  hex,
  identity,
  laneRangeLines,
  type ManifestBlock,
  type ManifestLaneRange,
  type RecordIdentity,
} from './lines.js';

/** The prune anchor. */
export interface ManifestAnchor extends RecordIdentity {
  readonly appRoadIndex: string;
  readonly appGlobalNumber: string;
  readonly appHash: string;
  readonly commitRoadIndex: string;
}

/** The application's state as a CommitQC carries it. */
export interface ManifestApp {
  readonly appHash: string;
  readonly globalNumber: string;
  readonly roadIndex: string;
}

/** One CommitQC. */
export interface ManifestCommitQC extends RecordIdentity {
  readonly roadIndex: string;
  readonly viewNumber: string;
  readonly voteHash: string;
  readonly signatures: number;
  readonly globalRange: readonly [first: string, next: string];
  readonly laneRanges: readonly ManifestLaneRange[];
  readonly app: ManifestApp | null;
}

/** The last vote and the floor of one log. */
export interface ManifestVoteLog {
  readonly log: string;
  /** Position of the last vote; null if none is known. */
  readonly at: readonly string[] | null;
  readonly digest: string | null;
  readonly floor: readonly string[] | null;
}

/**
 * All that decides on what the key may sign next. Without the words and times of a quarantine:
 * states that may sign the same are equal.
 */
export interface ManifestVotes {
  /** The public key; null: no key was ever bound, and nothing is signed. */
  readonly signer: string | null;
  /** Ascending by name. */
  readonly logs: readonly ManifestVoteLog[];
  /** By lane, ascending. */
  readonly laneFloors: Readonly<Record<string, string>>;
  /** The parts that a quarantine closes, ascending. */
  readonly closed: readonly string[];
  /** True: the key is known to have signed what the state does not hold. */
  readonly lost: boolean;
  /** The id of the store that signs in place of this one. */
  readonly heir: string | null;
}

/** All entries of a state, and its votes. */
export interface Manifest {
  /**
   * The lanes that the anchor's CommitQC names, else the oldest CommitQC; without CommitQCs, the
   * lanes with blocks.
   */
  readonly committee: readonly string[];
  readonly anchor: ManifestAnchor | null;
  /** Absent where the layout, or the format, keeps none. */
  readonly votes?: ManifestVotes;
  readonly commitQCs: readonly ManifestCommitQC[];
  /** Lanes with blocks, ascending. */
  readonly lanes: Readonly<Record<string, readonly ManifestBlock[]>>;
}

/**
 * The manifest of recovered content, as returned by `takeRecovered`; with the votes, if they are
 * given, that the store keeps.
 */
export function manifestOf(recovered: Recovered<SignedBlock, CommitQC, PruneAnchor>, votes?: VotesToShow): Manifest {
  const { anchor, commitQCs, blocks } = recovered;
  const lanes = [...blocks].sort(([a], [b]) => (a < b ? -1 : 1));
  const source = anchor?.commitQC ?? commitQCs[0];
  return {
    committee:
      source === undefined
        ? lanes.map(([lane]) => lane)
        : [...autobahn.commitQC.laneStarts(source)].map(([lane]) => lane),
    anchor: anchor === undefined ? null : manifestAnchor(anchor),
    ...(votes === undefined ? {} : { votes: manifestVotes(votes) }),
    commitQCs: commitQCs.map(manifestCommitQC),
    lanes: Object.fromEntries(lanes.map(([lane, entries]) => [lane, entries.map(manifestBlock)])),
  };
}

/** What a manifest shows of the votes of a store, or of a view. */
export type VotesToShow = Pick<StoredVotes, 'signer' | 'logs' | 'laneFloors' | 'quarantine'>;

/** How the entries of a version of the protocol look in a manifest. */
export interface ManifestShape<B, Q, A> {
  /** The lanes of a CommitQC, for `committee`; absent if they say too little of a committee. */
  readonly committee?: (qc: Q) => readonly LaneId[];
  readonly anchor: (anchor: A) => object;
  readonly commitQCOf: (anchor: A) => Q;
  readonly commitQC: (qc: Q) => object;
  readonly block: (block: B) => object;
}

const manifestBlock = blockLine<Payload>({ headerHash, payloadHash, messageHash, toWire: codecs.signedBlock.toWire });

/** The shape of `lanestore/model/autobahn`, as the types of this file describe it. */
export const MANIFEST_SHAPE: ManifestShape<SignedBlock, CommitQC, PruneAnchor> = {
  committee: (qc) => [...autobahn.commitQC.laneStarts(qc)].map(([lane]) => lane),
  anchor: manifestAnchor,
  commitQCOf: ({ commitQC }) => commitQC,
  commitQC: manifestCommitQC,
  block: manifestBlock,
};

/**
 * The input of {@link manifestChunks}: what `openState` resolves with, or a view through {@link
 * stateOfView}.
 */
export interface ManifestSource<B = SignedBlock, Q = CommitQC, A = PruneAnchor> {
  readonly anchor: { readonly entry: A } | undefined;
  readonly votes?: VotesToShow | undefined;
  readonly lanes: ReadonlyMap<LaneId, unknown>;
  commitQCs(): AsyncIterable<{ readonly entry: Q }>;
  blocks(lane: LaneId): AsyncIterable<{ readonly entry: B }>;
}

/** A view as a source. It omits damaged entries; the view's findings list them. */
export function stateOfView<B, Q, A>(view: StoreView<B, Q, A>): ManifestSource<B, Q, A> {
  return {
    anchor: view.anchor === undefined ? undefined : { entry: view.anchor },
    votes: view.votes,
    lanes: view.cursors.lanes,
    commitQCs: () => soundItems(view.commitQCs()),
    blocks: (lane) => soundItems(view.blocks(lane)),
  };
}

async function* soundItems<T>(items: AsyncIterable<ViewItem<T>>): AsyncGenerator<{ readonly entry: T }, void, void> {
  for await (const item of items) if ('entry' in item) yield item;
}

/**
 * The JSON text of {@link manifestOf}, in pieces. Holds one entry in memory at a time.
 * @example
 * ```ts
 * import { autobahn, openView } from 'lanestore';
 * import { manifestChunks, stateOfView } from 'lanestore/inspector';
 *
 * const view = await openView('state', { model: autobahn });
 * for await (const chunk of manifestChunks(stateOfView(view))) process.stdout.write(chunk);
 * await view.close();
 * ```
 */
export function manifestChunks(source: ManifestSource): AsyncGenerator<string, void, void>;
export function manifestChunks<B, Q, A>(
  source: ManifestSource<B, Q, A>,
  shape: ManifestShape<B, Q, A>,
): AsyncGenerator<string, void, void>;
export function manifestChunks(
  source: ManifestSource<unknown, unknown, unknown>,
  shape = MANIFEST_SHAPE as unknown as ManifestShape<unknown, unknown, unknown>,
): AsyncGenerator<string, void, void> {
  return chunksOf(source, shape);
}

async function* chunksOf<B, Q, A>(
  source: ManifestSource<B, Q, A>,
  shape: ManifestShape<B, Q, A>,
): AsyncGenerator<string, void, void> {
  const { anchor, votes } = source;
  let oldest = anchor === undefined ? undefined : shape.commitQCOf(anchor.entry);
  if (oldest === undefined)
    for await (const { entry } of source.commitQCs()) {
      oldest = entry;
      break;
    }
  const held: LaneId[] = [];
  for (const lane of [...source.lanes.keys()].sort()) {
    for await (const _ of source.blocks(lane)) {
      held.push(lane);
      break;
    }
  }
  const list = async function* <T>(entries: AsyncIterable<{ readonly entry: T }>, line: (entry: T) => object) {
    let empty = true;
    for await (const { entry } of entries) {
      yield `${empty ? '' : ','}\n    ${indented(line(entry), 4)}`;
      empty = false;
    }
  };
  yield '{\n';
  if (shape.committee !== undefined) {
    yield `  "committee": ${indented(oldest === undefined ? held : shape.committee(oldest), 2)},\n`;
  }
  yield `  "anchor": ${indented(anchor === undefined ? null : shape.anchor(anchor.entry), 2)},\n`;
  if (votes !== undefined) yield `  "votes": ${indented(manifestVotes(votes), 2)},\n`;
  yield '  "commitQCs": [';
  yield* list(source.commitQCs(), shape.commitQC);
  yield '],\n  "lanes": {';
  for (const [i, lane] of held.entries()) {
    yield `${i === 0 ? '' : ','}\n    ${JSON.stringify(lane)}: [`;
    yield* list(source.blocks(lane), shape.block);
    yield ']';
  }
  yield '}\n}\n';
}

function indented(value: unknown, columns: number): string {
  return JSON.stringify(value, null, 2).replaceAll('\n', `\n${' '.repeat(columns)}`);
}

function manifestVotes({ signer, logs, laneFloors, quarantine }: VotesToShow): ManifestVotes {
  const ascending = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    signer: signer === undefined ? null : hex(signer),
    logs: ascending(logs).map(([log, { watermark, floor }]) => ({
      log,
      at: watermark?.at.map(String) ?? null,
      digest: watermark === undefined ? null : hex(watermark.digest),
      floor: floor?.map(String) ?? null,
    })),
    laneFloors: Object.fromEntries(ascending(laneFloors).map(([lane, floor]) => [lane, String(floor)])),
    closed: [...(quarantine?.parts ?? [])].sort(),
    lost: quarantine?.lost === true,
    heir: quarantine?.heir === undefined ? null : hex(quarantine.heir),
  };
}

function manifestAnchor(anchor: PruneAnchor): ManifestAnchor {
  const { vote } = anchor.appQC;
  return {
    appRoadIndex: String(vote.roadIndex),
    appGlobalNumber: String(vote.globalNumber),
    appHash: hex(vote.appHash),
    commitRoadIndex: String(anchor.commitQC.vote.view.index),
    ...identity(codecs.pruneAnchor.toWire(anchor)),
  };
}

function manifestCommitQC(qc: CommitQC): ManifestCommitQC {
  const { view, laneRanges, app } = qc.vote;
  const range = globalRange(qc.vote);
  return {
    roadIndex: String(view.index),
    viewNumber: String(view.number),
    voteHash: hex(messageHash({ kind: 'commitVote', value: qc.vote })),
    signatures: qc.sigs.length,
    globalRange: [String(range.first), String(range.next)],
    laneRanges: laneRangeLines(laneRanges),
    app: app === undefined ? null : manifestApp(app),
    ...identity(codecs.commitQC.toWire(qc)),
  };
}

function manifestApp({ appHash, globalNumber, roadIndex }: AppProposal): ManifestApp {
  return { appHash: hex(appHash), globalNumber: String(globalNumber), roadIndex: String(roadIndex) };
}
