/**
 * Stores that a campaign damages. Each has a known history of rounds; the oracle of test/support,
 * which shares no code with the store, computes the acknowledged content after each round.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentText } from '../support/content.js';
import type { Random } from '../support/kill.js';
import { type Call, type Oracle, roundOf } from '../support/oracle.js';
import { type PlainBlock, plainAnchor, plainQC } from '../support/plain-model.js';
import { type OpenOptions, openPlain } from './check.js';
import { Image } from './image.js';

/** A round, as the port takes it. */
export type RoundCall = Call & { readonly kind: 'persist' };

/**
 * Options under which blocks of 4 KiB and more go to small value files, so that a store soon has
 * several. No block is stored inline for lack of a prepared file, and a batch's values are written
 * in several portions.
 */
export const SMALL_VALUE_FILES: OpenOptions = {
  values: {
    batchBytesMin: 16 * 1024,
    valueBytesMin: 4096,
    fileBytes: 128 * 1024,
    waitBytesMin: 16 * 1024,
    portionBytesMin: 8 * 1024,
  },
};

/** Parameters of the rounds. */
export interface RoundShape {
  readonly lanes: readonly string[];
  /** Bytes of a block. */
  readonly blockBytes: number;
  /** Blocks per lane and round. Default 1. */
  readonly blocks?: number;
  /** Bytes of the node's inner state; absent: none is written. */
  readonly innerBytes?: number;
  /** An anchor every `every` rounds, which leaves `keep` blocks per lane. Default: never. */
  readonly anchorEvery?: number;
  readonly keep?: number;
  /** Compressible data. Default false. */
  readonly text?: boolean;
}

/** Makes `count` rounds that follow the state of `oracle`, and applies them to the oracle. */
export function makeRounds(oracle: Oracle, count: number, shape: RoundShape, random: Random): RoundCall[] {
  return Array.from({ length: count }, (_, i) => {
    const round = makeRound(oracle, i, shape, random);
    const outcome = oracle.apply(round);
    if (outcome.result !== 'ok') throw new Error(`round ${i} of a specimen: ${outcome.result}`);
    return round;
  });
}

function makeRound(oracle: Oracle, i: number, shape: RoundShape, random: Random): RoundCall {
  const { lanes, blocks: perLane = 1, innerBytes, anchorEvery, keep = 3 } = shape;
  const qcNext = oracle.qcs.next;
  const prune = anchorEvery !== undefined && i % anchorEvery === anchorEvery - 1 && qcNext > 2n;
  const starts = Object.fromEntries(
    lanes.map((lane) => {
      const next = oracle.lanes.get(lane)?.next ?? 0n;
      return [lane, next > BigInt(keep) ? next - BigInt(keep) : 0n];
    }),
  );
  const blocks = lanes.flatMap((lane) => {
    const next = oracle.lanes.get(lane)?.next ?? 0n;
    return Array.from({ length: perLane }, (_, k) => makeBlock(lane, next + BigInt(k), shape, random));
  });
  return {
    kind: 'persist',
    ...(prune ? { anchor: plainAnchor(qcNext - 2n, starts) } : {}),
    ...(innerBytes === undefined ? {} : { inner: bytesOf(innerBytes, shape.text ?? false, random) }),
    commitQCs: [plainQC(qcNext, starts)],
    blocks,
  };
}

export function makeBlock(lane: string, number: bigint, shape: RoundShape, random: Random): PlainBlock {
  return { lane, number, data: bytesOf(shape.blockBytes, shape.text ?? false, random) };
}

const WORDS = 'lane block quorum certificate commit anchor vote view road index prune'.split(' ');

/** Random bytes, or words that compress. */
export function bytesOf(length: number, text: boolean, random: Random): Uint8Array {
  const bytes = Buffer.alloc(length);
  if (text) {
    for (let at = 0; at < length; ) at += bytes.write(`${random.pick(WORDS)} `, at);
  } else {
    for (let at = 0; at < length; at += 4) {
      const word = random.int(0, 2 ** 32);
      for (let k = 0; k < 4 && at + k < length; k++) bytes[at + k] = word >>> (8 * k);
    }
  }
  return new Uint8Array(bytes);
}

/** The oracle's content in the format of {@link contentText}. */
export function oracleContent({ anchor, inner, qcs, lanes }: Oracle): string {
  const blocks = new Map<string, PlainBlock[]>();
  for (const [lane, { held }] of lanes) if (held.size > 0) blocks.set(lane, [...held.values()]);
  const recovered = {
    ...(anchor === undefined ? {} : { anchor }),
    ...(inner === undefined ? {} : { inner }),
    commitQCs: [...qcs.held.values()],
    blocks,
  };
  return contentText(recovered, { lanes, commitQCs: qcs });
}

/** A moment of a store, right after a round was acknowledged, with nothing in flight. */
export interface Moment {
  /** Rounds acknowledged since the specimen began. */
  readonly rounds: number;
  /** All acknowledged content. */
  readonly content: string;
  /** Bytes of the newest log. */
  readonly logBytes: number;
  /** The witness file. */
  readonly witness: Buffer;
}

/** A closed store with all of its moments; moment `n` is the one after `n` rounds. */
export interface Specimen {
  readonly image: Image;
  readonly moments: readonly Moment[];
  /**
   * The newest log: it has every round since the last open, unless LevelDB has started another log
   * meanwhile.
   */
  readonly log: string;
}

/**
 * Records a store in `location`, which is new or left by an earlier recording: one open, rounds in
 * sequence, one close.
 */
export async function record(
  location: string,
  oracle: Oracle,
  count: number,
  shape: RoundShape,
  random: Random,
  options: OpenOptions = {},
): Promise<Specimen> {
  const store = await openPlain(location, options);
  const moments: Moment[] = [moment(location, 0, oracle)];
  for (let n = 1; n <= count; n++) {
    const [round] = makeRounds(oracle, 1, shape, random);
    await store.persist(roundOf(round as RoundCall));
    moments.push(moment(location, n, oracle));
  }
  await store.close();
  const image = Image.of(location);
  return { image, moments, log: image.log() };
}

function moment(location: string, rounds: number, oracle: Oracle): Moment {
  const image = Image.of(location);
  const logs = image.logs();
  return {
    rounds,
    content: oracleContent(oracle),
    logBytes: logs.length === 0 ? 0 : image.get(logs.at(-1) as string).length,
    witness: readFileSync(join(location, 'witness')),
  };
}
