/**
 * The verification that all versions share: chains of blocks, quorums, signatures. Every function
 * throws LANESTORE_VERIFY with the violated rule and its place.
 */
import { LanestoreError } from '../../errors.js';
import { laneIdOf } from '../../keys/index.js';
import type {
  BlockHeader,
  BlockOf,
  Certificate,
  Hash,
  InView,
  Lane,
  LaneQC,
  LaneRange,
  PublicKey,
  Signature,
  SignedBlockOf,
} from './types.js';

/** The validators whose votes count, with any weight. */
export interface Voters {
  /** True for a validator's key. */
  has(key: PublicKey): boolean;
  /** True if it is that validator's signature on the hash. */
  verifies(key: PublicKey, hash: Hash, sig: Uint8Array): boolean;
}

/** Voters with lanes. */
export interface LaneVoters extends Voters {
  /** True for a lane whose blocks they order. */
  hasLane(lane: Lane): boolean;
}

/** Number or weight of votes that decide. */
export type Quorum =
  | { readonly votes: number }
  /** Each vote counts what `weightOf` returns for its key. */
  | { readonly weight: bigint; readonly weightOf: (key: PublicKey) => bigint };

/** The error for a violated rule. */
export function fault(where: string, problem: string): LanestoreError {
  return new LanestoreError('LANESTORE_VERIFY', `${where}: ${problem}`);
}

/** True for the same bytes. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** A block's name in messages. */
export function blockName({ lane, blockNumber }: BlockHeader): string {
  return `lane ${laneIdOf(lane)}, block ${blockNumber}`;
}

/** A CommitQC's name in messages. */
export function commitQCName({ vote }: Certificate<InView>): string {
  return `commitQC ${vote.view.index}`;
}

/** What a version verifies a block of payload `P` with. */
export interface BlockRules<P> {
  readonly payloadHash: (payload: P) => Hash;
  readonly messageHash: (msg: { readonly kind: 'laneProposal'; readonly value: BlockOf<P> }) => Hash;
  /** The key of the validator that owns a lane. */
  readonly ownerOf: (lane: Lane) => PublicKey;
}

/** Verifies that a block's payload has the hash in its header. */
export function checkPayload<P>({ header, payload }: BlockOf<P>, payloadHash: (payload: P) => Hash): void {
  checkHash(blockName(header), 'payload hash', payloadHash(payload), header.payloadHash, 'its header');
}

/** Verifies a well-formed block by itself: its lane, the hash of its payload, its signature. */
export function checkSignedBlock<P>(
  { block, sig }: SignedBlockOf<BlockOf<P>>,
  voters: LaneVoters,
  rules: BlockRules<P>,
): void {
  const where = blockName(block.header);
  checkLane(block.header, voters, where);
  checkPayload(block, rules.payloadHash);
  if (!same(sig.key, rules.ownerOf(block.header.lane)))
    throw fault(where, `signed by ${laneIdOf(sig.key)}, not by its lane's validator`);
  checkSignature(sig, rules.messageHash({ kind: 'laneProposal', value: block }), voters, where);
}

/** Verifies that a block is in a lane of the committee. */
export function checkLane({ lane }: BlockHeader, voters: LaneVoters, where: string): void {
  if (!voters.hasLane(lane)) throw fault(where, 'its lane is not one of the committee');
}

/** Verifies well-formed blocks of one lane: each follows the one before, the first one `parent`. */
export function checkChain(
  headers: Iterable<BlockHeader>,
  parent: BlockHeader | undefined,
  headerHash: HeaderHash,
): void {
  let last = parent;
  for (const header of headers) {
    if (last !== undefined) checkParent(header, last, headerHash);
    last = header;
  }
}

/** Verifies a well-formed LaneQC: its lane, and that its votes are a quorum. */
export function checkLaneQC(
  { vote, sigs }: LaneQC,
  voters: LaneVoters,
  quorum: Quorum,
  messageHash: (msg: { readonly kind: 'laneVote'; readonly value: BlockHeader }) => Hash,
): void {
  const where = `laneQC of ${blockName(vote)}`;
  checkLane(vote, voters, where);
  checkQuorum(messageHash({ kind: 'laneVote', value: vote }), sigs, voters, quorum, where);
}

/** Verifies that the votes for `hash` are a quorum: each of another validator, and valid. */
export function checkQuorum(
  hash: Hash,
  sigs: readonly Signature[],
  voters: Voters,
  quorum: Quorum,
  where: string,
): void {
  // Counted first: a list that is too short is refused without any signature being verified.
  checkCount(sigs, quorum, where);
  const signers = new Set<string>();
  for (const [i, sig] of sigs.entries()) {
    const signer = laneIdOf(sig.key);
    if (signers.has(signer)) throw fault(`${where}: sigs[${i}]`, `${signer} signed twice`);
    signers.add(signer);
    checkSignature(sig, hash, voters, `${where}: sigs[${i}]`);
  }
}

function checkCount(sigs: readonly Signature[], quorum: Quorum, where: string): void {
  if ('votes' in quorum) {
    if (sigs.length < quorum.votes) throw fault(where, `has ${sigs.length} signatures, needs ${quorum.votes}`);
    return;
  }
  const weight = sigs.reduce((sum, { key }) => sum + quorum.weightOf(key), 0n);
  if (weight < quorum.weight) throw fault(where, `has votes of weight ${weight}, needs ${quorum.weight}`);
}

/** Verifies that a validator signed the hash. */
export function checkSignature({ key, sig }: Signature, hash: Hash, voters: Voters, where: string): void {
  if (!voters.has(key)) throw fault(where, `${laneIdOf(key)} is not a validator of the committee`);
  if (!voters.verifies(key, hash, sig)) throw fault(where, `the signature of ${laneIdOf(key)} is invalid`);
}

/** Verifies that a hash is the expected one. @param says names the source of the expected hash */
export function checkHash(where: string, what: string, got: Hash, want: Hash, says: string): void {
  if (!same(got, want)) throw fault(where, `${what} is ${laneIdOf(got)}, but ${says} says ${laneIdOf(want)}`);
}

type HeaderHash = (header: BlockHeader) => Hash;

/** Verifies that a block follows its parent: number and parent hash. */
export function checkParent(header: BlockHeader, parent: BlockHeader, headerHash: HeaderHash): void {
  const where = blockName(header);
  if (!same(header.lane, parent.lane)) throw fault(where, `its parent is of lane ${laneIdOf(parent.lane)}`);
  if (header.blockNumber !== parent.blockNumber + 1n) throw fault(where, `does not follow block ${parent.blockNumber}`);
  checkHash(where, 'parent hash', header.parentHash, headerHash(parent), 'its parent');
}

/** Verifies the lane ranges of a proposal, by themselves. */
export function checkRanges(ranges: readonly LaneRange[], hasLane: (lane: Lane) => boolean, where: string): void {
  for (const { lane, first, next, lastHash } of ranges) {
    const range = `${where}: lane ${laneIdOf(lane)}`;
    if (!hasLane(lane)) throw fault(range, 'is not one of the committee');
    if (first > next) throw fault(range, `range [${first}, ${next}) is inverted`);
    if (first === next && lastHash.some((byte) => byte !== 0))
      throw fault(range, 'range is empty, but has a last hash');
  }
}

/**
 * Verifies that these headers, lane by lane, are exactly those of the blocks that the ranges order.
 */
export function checkOrderedHeaders(
  headers: readonly BlockHeader[],
  ranges: readonly LaneRange[],
  headerHash: HeaderHash,
  where: string,
): void {
  const lengths = ranges.map(({ first, next }) => next - first);
  const want = lengths.reduce((sum, length) => sum + length, 0n);
  if (want !== BigInt(headers.length)) throw fault(where, `has ${headers.length} headers, must have ${want}`);
  let first = 0;
  for (const [i, range] of ranges.entries()) {
    const next = first + Number(lengths[i]);
    checkHeaders(headers.slice(first, next), range, headerHash, where);
    first = next;
  }
}

/** Verifies the headers of one lane's range, backwards from the range's last hash. */
function checkHeaders(headers: readonly BlockHeader[], range: LaneRange, headerHash: HeaderHash, where: string): void {
  let want = range.lastHash;
  let number = range.next;
  for (const header of headers.toReversed()) {
    number--;
    const place = `${where}: lane ${laneIdOf(range.lane)}, block ${number}`;
    if (!same(header.lane, range.lane) || header.blockNumber !== number) {
      throw fault(place, `the header there is of ${blockName(header)}`);
    }
    checkHash(place, 'header hash', headerHash(header), want, 'what follows it');
    want = header.parentHash;
  }
}
