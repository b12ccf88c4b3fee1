/**
 * A small model of a node's own types: it shows that the store does not depend on Autobahn, and
 * makes rounds in one line.
 */
import { createHash, createHmac } from 'node:crypto';
import { LanestoreError } from '../../src/errors.js';
import { type LaneId, laneBytes, laneIdOf } from '../../src/keys/index.js';
import type { LanePlace, LogPlace, Model, Position, VoteModel } from '../../src/model/model.js';

export interface PlainBlock {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly data: Uint8Array;
}

export interface PlainQC {
  readonly index: bigint;
  readonly starts: readonly (readonly [LaneId, bigint])[];
}

export interface PlainAnchor {
  readonly index: bigint;
  readonly qc: PlainQC;
}

export const LANES: readonly LaneId[] = ['0a', '0b', '0c', '0d', '0e'];

export function plainBlock(
  lane: LaneId,
  number: bigint | number,
  data: string | Uint8Array = `${lane}#${number}`,
): PlainBlock {
  return { lane, number: BigInt(number), data: typeof data === 'string' ? new TextEncoder().encode(data) : data };
}

export function plainBlocks(lane: LaneId, from: number, to: number): PlainBlock[] {
  return Array.from({ length: to - from }, (_, i) => plainBlock(lane, from + i));
}

export function plainQC(index: bigint | number, starts: Record<LaneId, bigint | number> = {}): PlainQC {
  return {
    index: BigInt(index),
    starts: Object.entries(starts).map(([lane, start]) => [lane, BigInt(start)] as const),
  };
}

export function plainAnchor(index: bigint | number, starts: Record<LaneId, bigint | number> = {}): PlainAnchor {
  return { index: BigInt(index), qc: plainQC(index, starts) };
}

/** A vote in a log: its place stands in it. */
export interface PlainVote extends LogPlace {
  readonly digest: Uint8Array;
}

/** A vote for a block, or a block of the own lane: where it stands, and what it is for. */
export interface PlainLaneVote extends LanePlace {
  readonly hash: Uint8Array;
  /** The block itself, in a message of the own lane. */
  readonly block?: PlainBlock;
}

export interface PlainSigned {
  readonly vote: PlainVote | PlainLaneVote;
  readonly signer: Uint8Array;
  readonly signature: Uint8Array;
}

export function plainVote(log: string, at: Position, more: Partial<PlainVote> = {}): PlainVote {
  const digest = createHash('sha256').update(`${log} ${at.join()}`).digest();
  return { log, at, before: [], needs: 0n, digest: new Uint8Array(digest), ...more };
}

/** The block as a message of its owner. */
export function plainLaneVote(part: 'lanes' | 'own', block: PlainBlock): PlainLaneVote {
  const { lane, number, data } = block;
  const hash = new Uint8Array(createHash('sha256').update(data).digest());
  return part === 'lanes' ? { part, lane, number, hash } : { part, lane, number, hash, block };
}

function refuse(what: string): never {
  throw new LanestoreError('LANESTORE_INVALID', what);
}

function bytesOf(value: unknown, what: string): Uint8Array {
  return value instanceof Uint8Array ? value : refuse(`${what} is not a byte string`);
}

function bigintOf(value: unknown, what: string): bigint {
  return typeof value === 'bigint' ? value : refuse(`${what} is not a 64-bit integer`);
}

function fieldsOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null
    ? (body as Record<string, unknown>)
    : refuse('the body is not a map');
}

function qcBody(qc: PlainQC): object {
  return { index: qc.index, starts: qc.starts.map(([lane, start]) => [laneBytes(lane), start]) };
}

function qcOf(body: unknown): PlainQC {
  const { index, starts } = fieldsOf(body);
  if (!Array.isArray(starts)) refuse('starts is not an array');
  const pairs = (starts as unknown[][]).map(
    ([lane, start]) => [laneIdOf(bytesOf(lane, 'lane')), bigintOf(start, 'start')] as const,
  );
  return { index: bigintOf(index, 'index'), starts: pairs };
}

const json = {
  to: (value: unknown) =>
    Buffer.from(
      JSON.stringify(value, (_, v) =>
        typeof v === 'bigint' ? { n: `${v}` } : v instanceof Uint8Array ? { b: Buffer.from(v).toString('hex') } : v,
      ),
    ),
  from: (bytes: Uint8Array) =>
    JSON.parse(Buffer.from(bytes).toString(), (_, v) =>
      v?.n !== undefined ? BigInt(v.n) : v?.b !== undefined ? new Uint8Array(Buffer.from(v.b, 'hex')) : v,
    ),
};

/** Signatures are HMACs: the key checks them, which is enough for tests. */
export function plainSignature(signer: Uint8Array, digest: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', signer).update(digest).digest());
}

export const plainVotes: VoteModel<PlainVote | PlainLaneVote, PlainBlock, PlainSigned> = {
  logs: {
    step: { arity: 2, part: 'rounds' },
    view: { arity: 2, part: 'rounds' },
    app: { arity: 1, part: 'app' },
  },
  lanesRecur: true,
  check: (vote) => void (typeof vote === 'object' && vote !== null ? vote : refuse('a vote is an object')),
  place: (vote) => vote,
  digest: (vote) =>
    'hash' in vote
      ? new Uint8Array(
          createHash('sha256').update(`${vote.part} ${vote.lane} ${vote.number}`).update(vote.hash).digest(),
        )
      : vote.digest,
  laneVote: (block) => plainLaneVote('lanes', block),
  blockOf: ({ vote }) => ('block' in vote && vote.block !== undefined ? vote.block : refuse('it is no block')),
  isOwnLane: (lane, signer) => laneBytes(lane)[0] === signer[0],
  signed: (vote, signer, signature) => ({ vote, signer, signature }),
  opened: ({ vote, signer }) => ({ vote, signer }),
  keyOf: (secret) => ({ signer: secret, sign: (digest) => plainSignature(secret, digest) }),
};

export const plain: Model<PlainBlock, PlainQC, PlainAnchor> & { readonly votes: typeof plainVotes } = {
  votes: plainVotes,
  name: 'plain/1',
  block: {
    lane: (block) => block.lane,
    number: (block) => block.number,
    check: (block) => void (block.data instanceof Uint8Array || refuse('block.data is not bytes')),
    toBody: (block) => ({ lane: laneBytes(block.lane), number: block.number, data: block.data }),
    fromBody: (body) => {
      const { lane, number, data } = fieldsOf(body);
      return { lane: laneIdOf(bytesOf(lane, 'lane')), number: bigintOf(number, 'number'), data: bytesOf(data, 'data') };
    },
    toWire: json.to,
    fromWire: json.from,
  },
  commitQC: {
    index: (qc) => qc.index,
    laneStarts: (qc) => qc.starts,
    check: (qc) => void (Array.isArray(qc.starts) || refuse('commitQC.starts is not an array')),
    toBody: qcBody,
    fromBody: qcOf,
    toWire: json.to,
    fromWire: json.from,
  },
  anchor: {
    index: (anchor) => anchor.index,
    commitQC: (anchor) => anchor.qc,
    check: (anchor) => void (typeof anchor.qc === 'object' || refuse('anchor.qc is absent')),
    toBody: (anchor) => ({ index: anchor.index, qc: qcBody(anchor.qc) }),
    fromBody: (body) => {
      const { index, qc } = fieldsOf(body);
      return { index: bigintOf(index, 'index'), qc: qcOf(qc) };
    },
    toWire: json.to,
    fromWire: json.from,
  },
};
