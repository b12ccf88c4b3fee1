/** One entry of each stored kind, as the original wrote it; the anchor has all optional fields. */
import type { DescMessage } from '@bufbuild/protobuf';
import * as pb from '../../src/model/autobahn/11419398f/autobahn_pb.js';
import { autobahn, codecs } from '../../src/model/autobahn/index.js';
import type { EntryCodec } from '../../src/model/model.js';
import { loadRounds } from '../support/fixtures.js';

const rounds = loadRounds('wal');
/** A signed block. */
export const block = rounds.flatMap(({ blocks }) => blocks)[9] as Uint8Array;
/** A prune anchor. */
export const anchor = rounds.flatMap((round) => round.anchor ?? [])[9] as Uint8Array;
/** A CommitQC with an application's state. */
export const commitQC = codecs.commitQC.toWire(codecs.pruneAnchor.fromWire(anchor).commitQC);

/** An entry, its codec, and its name in errors. */
export interface Entry {
  readonly root: string;
  readonly codec: EntryCodec<object>;
  readonly desc: DescMessage;
  readonly wire: Uint8Array;
}

/** All three. */
export const ENTRIES: Entry[] = [
  { root: 'signedBlock', codec: autobahn.block as EntryCodec<object>, desc: pb.SignedMsgSchema, wire: block },
  { root: 'commitQC', codec: autobahn.commitQC as EntryCodec<object>, desc: pb.CommitQCSchema, wire: commitQC },
  {
    root: 'anchor',
    codec: autobahn.anchor as EntryCodec<object>,
    desc: pb.PersistedAvailPruneAnchorSchema,
    wire: anchor,
  },
];

/** Paths of fields that may be absent. */
export const MAY_BE_ABSENT = /\.(coinbase|appHash|app)$/;
