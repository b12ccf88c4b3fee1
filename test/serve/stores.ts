/** Stores for the page: of any number of lanes, sizes and damage. */
import { mkdirSync } from 'node:fs';
import { autobahn, openGuard, openLevel } from '../../src/index.js';
import type { CommitQC } from '../../src/model/autobahn/index.js';
import { makeNetwork, type Network } from '../support/network.js';

/** What {@link makeStore} writes. */
export interface StoreShape {
  readonly lanes: number;
  /** Rounds of one block a lane and one CommitQC. */
  readonly rounds: number;
  /** Default 200. */
  readonly payloadBytes?: number;
  /** The road index of the anchor; absent: none. */
  readonly anchorAt?: number;
  readonly seed?: number;
  /** Signs honestly, so that entries verify. Default false. */
  readonly signed?: boolean;
  /** True: of four lanes, three have a block in each second, third and fourth round only. */
  readonly uneven?: boolean;
  /** A key without a lane votes for the newest CommitQC. Default false. */
  readonly votes?: boolean;
}

/** The key that votes: it has no lane in the store, so its first use is believed. */
const OBSERVER = new Uint8Array(32).fill(1);

/** Writes a store of an arbitrary honest network, and closes it. */
export async function makeStore(location: string, shape: StoreShape): Promise<Network> {
  const {
    lanes,
    rounds,
    payloadBytes = 200,
    anchorAt,
    seed = 7,
    signed = false,
    uneven = false,
    votes = false,
  } = shape;
  const network = makeNetwork({ validators: lanes, seed, signed });
  mkdirSync(location, { recursive: true });
  const store = await openLevel(location, { model: autobahn });
  const qcs: CommitQC[] = [];
  const writes: Promise<void>[] = [];
  for (let round = 0; round < rounds; round++) {
    const busy = Array.from({ length: lanes }, (_, lane) => lane).filter(
      (lane) => !uneven || round % (1 + (lane % 4)) === 0,
    );
    const blocks = busy.map((lane) => network.block(lane, { payloadBytes, txBytes: 65_536 }));
    const qc = network.commitQC({ signatures: Math.min(lanes, 4) });
    qcs.push(qc);
    await store.ready?.();
    writes.push(store.persist({ blocks, commitQCs: [qc] }));
    if (writes.length >= 8) await writes.shift();
  }
  await Promise.all(writes);
  const anchor = anchorAt === undefined ? undefined : qcs[anchorAt];
  if (anchor !== undefined) await store.persist({ anchor: network.anchor(anchor) });
  const newest = qcs.at(-1);
  if (votes && newest !== undefined) {
    const guard = await openGuard({ store, model: autobahn, key: OBSERVER, firstUse: true });
    await guard.round({ votes: [{ kind: 'commitVote', value: newest.vote }] });
    await guard.close();
  }
  await store.persist({ inner: new Uint8Array([1, 2, 3]) });
  await store.close();
  return network;
}
