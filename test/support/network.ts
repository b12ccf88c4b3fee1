/**
 * A small honest network for tests and benches: the same seed makes the same validators, blocks and
 * QCs.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { type LaneId, laneIdOf } from '../../src/keys/index.js';
import {
  type AppQC,
  type BlockHeader,
  type CommitQC,
  Committee,
  globalRange,
  HASH_BYTES,
  headerHash,
  type LaneRange,
  type Msg,
  type PruneAnchor,
  type PublicKey,
  payloadHash,
  publicKeyOf,
  type Signature,
  type SignedBlock,
  type SignedMsg,
  sign,
  type Timestamp,
} from '../../src/model/autobahn/index.js';

/** Parameters of a network. */
export interface NetworkOptions {
  readonly validators: number;
  /** Default 1. */
  readonly seed?: number;
  /**
   * False: keys and signatures are arbitrary bytes, a hundred times faster to make, and do not
   * verify. Default true.
   */
  readonly signed?: boolean;
  /** The number of every lane's first block. Default 0. */
  readonly firstBlock?: bigint;
  /** The road index of the first CommitQC. Default 0. */
  readonly firstRoad?: bigint;
}

/** Parameters of a block. */
export interface BlockOptions {
  /** Total bytes of its transactions; they do not compress. Default 1024. */
  readonly payloadBytes?: number;
  /** Bytes of each transaction but the last. Default 1024. */
  readonly txBytes?: number;
}

/** Parameters of a CommitQC. */
export interface CommitQCOptions {
  /** The included lanes, by index. Default all. */
  readonly lanes?: readonly number[];
  /** Number of signing validators. Default all. */
  readonly signatures?: number;
}

interface Validator {
  readonly key: PublicKey;
  readonly secret: Uint8Array;
}

interface Lane {
  next: bigint;
  /** Blocks below this number are ordered by a CommitQC. */
  ordered: bigint;
  last?: BlockHeader;
}

const POOL_BYTES = 4 * 1024 * 1024;

/**
 * A network. Lanes are identified by index, 0 to validators-1, in ascending order of their keys.
 */
export class Network {
  readonly committee: Committee;
  /** The lane ids by index. */
  readonly laneIds: readonly LaneId[];
  readonly #signed: boolean;
  readonly #validators: readonly Validator[];
  readonly #lanes: readonly Lane[];
  readonly #pool: Buffer;
  #poolAt = 0;
  #pass = 0;
  #nextRoad: bigint;

  constructor({ validators, seed = 1, signed = true, firstBlock = 0n, firstRoad = 0n }: NetworkOptions) {
    this.#signed = signed;
    this.#validators = Array.from({ length: validators }, (_, i) => {
      const secret = new Uint8Array(createHash('sha256').update(`lanestore ${seed} ${i}`).digest());
      return { secret, key: signed ? publicKeyOf(secret) : secret };
    }).sort((a, b) => Buffer.compare(a.key, b.key));
    const keys = this.#validators.map(({ key }) => key);
    this.committee = new Committee(keys);
    this.laneIds = keys.map(laneIdOf);
    this.#lanes = keys.map(() => ({ next: firstBlock, ordered: firstBlock }));
    this.#nextRoad = firstRoad;
    const poolKey = createHash('sha256').update(`pool ${seed}`).digest();
    this.#pool = createCipheriv('aes-256-ctr', poolKey, Buffer.alloc(16)).update(Buffer.alloc(POOL_BYTES));
  }

  /** The next block of a lane: linked to the previous block, signed by the lane's validator. */
  block(lane: number, { payloadBytes = 1024, txBytes = 1024 }: BlockOptions = {}): SignedBlock {
    const state = at(this.#lanes, lane);
    const txs: Uint8Array[] = [];
    for (let left = payloadBytes; left > 0; left -= txBytes) txs.push(this.#noise(Math.min(left, txBytes)));
    const payload = {
      createdAt: moment(state.next),
      totalGas: BigInt(21_000 * txs.length),
      edgeCount: BigInt(txs.length),
      coinbase: this.#noise(20),
      basefee: 1_000_000_000n,
      txs,
    };
    const header: BlockHeader = {
      lane: at(this.#validators, lane).key,
      blockNumber: state.next,
      parentHash: state.last === undefined ? new Uint8Array(HASH_BYTES) : headerHash(state.last),
      payloadHash: payloadHash(payload),
    };
    const block = { header, payload };
    state.last = header;
    state.next++;
    return { block, sig: this.#sign(at(this.#validators, lane), { kind: 'laneProposal', value: block }) };
  }

  /** The next CommitQC: orders every block made since the previous one. */
  commitQC({ lanes, signatures = this.#validators.length }: CommitQCOptions = {}): CommitQC {
    const places = lanes ?? [...this.#lanes.keys()];
    const index = this.#nextRoad++;
    const vote = {
      view: { index, number: 0n },
      createdAt: moment(index),
      laneRanges: [...places].sort((a, b) => a - b).map((place) => this.#order(place)),
    };
    return { vote, sigs: this.#signAll({ kind: 'commitVote', value: vote }, signatures) };
  }

  /** The AppQC for the last block that `qc` orders. @throws RangeError if it orders none. */
  appQC(qc: CommitQC, { signatures = this.#validators.length }: { signatures?: number } = {}): AppQC {
    const { first, next } = globalRange(qc.vote);
    if (first === next) throw new RangeError(`commitQC ${qc.vote.view.index} orders no block`);
    const appHash = new Uint8Array(createHash('sha256').update(`app ${next}`).digest());
    const vote = { globalNumber: next - 1n, roadIndex: qc.vote.view.index, appHash };
    return { vote, sigs: this.#signAll({ kind: 'appVote', value: vote }, signatures) };
  }

  /** The anchor that prunes up to `qc`. @throws RangeError if it orders no block. */
  anchor(qc: CommitQC): PruneAnchor {
    return { appQC: this.appQC(qc), commitQC: qc };
  }

  /** A message of any kind, signed by one validator. */
  signedBy(place: number, msg: Msg): SignedMsg {
    return { msg, sig: this.#sign(at(this.#validators, place), msg) };
  }

  /** The secret key of a validator, for a node that signs by itself. */
  secret(place: number): Uint8Array {
    return at(this.#validators, place).secret;
  }

  #order(place: number): LaneRange {
    const lane = at(this.#lanes, place);
    const first = lane.ordered;
    lane.ordered = lane.next;
    const lastHash =
      first === lane.next || lane.last === undefined ? new Uint8Array(HASH_BYTES) : headerHash(lane.last);
    return { lane: at(this.#validators, place).key, first, next: lane.next, lastHash };
  }

  #signAll(msg: Msg, signatures: number): Signature[] {
    return this.#validators.slice(0, signatures).map((validator) => this.#sign(validator, msg));
  }

  #sign({ key, secret }: Validator, msg: Msg): Signature {
    return this.#signed ? sign(secret, msg) : { key, sig: this.#noise(64) };
  }

  /** A pool of pseudo-random bytes that depends on the seed only. */
  #noise(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const part = this.#pool.subarray(this.#poolAt, this.#poolAt + length - done);
      bytes.set(part, done);
      done += part.length;
      this.#poolAt += part.length;
      // Every pass through the pool cuts it at other offsets, so no data repeats.
      if (this.#poolAt === POOL_BYTES) this.#poolAt = ++this.#pass % 4093;
    }
    return bytes;
  }
}

/** A network of `validators`; the same options make the same one. */
export function makeNetwork(options: NetworkOptions): Network {
  return new Network(options);
}

function moment(number: bigint): Timestamp {
  return { seconds: 1_774_000_000n + number / 10n, nanos: Number(number % 10n) * 100_000_000 + 456_789 };
}

function at<T>(list: readonly T[], place: number): T {
  const found = list[place];
  if (found === undefined) throw new RangeError(`no validator at place ${place}`);
  return found;
}
