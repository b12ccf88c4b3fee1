/**
 * The availability state over real stores, with real signatures.
 *
 * Where the cases of docs/original.md, Test cases: availability state (avail/state_test.go at
 * 11419398f) went:
 *
 * | upstream | here |
 * |---|---|
 * | full flow without and with disk (x5, persist/prune race) | "the whole flow" on noop, level and wal |
 * | restart after two iterations restores AppQC index, FirstCommitQC, LastCommitQC, NextBlock per lane | the same test: it restarts after every second road |
 * | mismatched PushAppQC rejected | "bad input: CommitQCs and AppQCs: ..., an AppQC that does not match its CommitQC, ..." |
 * | bad parent hash dropped silently without advancing | "bad input: a block with a wrong parent, ..." |
 * | wrong signer rejected | "bad input: blocks: wrong signer, ..." |
 * | NewState with disk: empty dir; AppQC, blocks, both, QCs, QCs with AppQC loaded | "restart: ..." table, on level and wal |
 * | writing a non-contiguous QC fails | "back-pressure: a block far ahead waits ..." (a CommitQC does, too); the store's own refusal: conformance suite, commit-qcs |
 * | anchor past all QCs truncates and re-persists; anchor past all blocks truncates the lane | "restart: ..." table, last rows |
 * | corrupt anchor payload is an error | the store refuses it at open: test/adapter/level/open/recovery.test.ts "the anchor with a flipped bit", test/adapter/wal/store.test.ts "an anchor that does not decode, ..."; inner.test.ts "an anchor without its CommitQC, ..." |
 * | HEAD: a prune of the anchor's epoch drops closed lanes, its subscriber is notified, the change alone drops nothing | loop.test.ts "a committee change: ..." |
 * | HEAD: subscriptions: stay, leave, rejoin; closed after the drop | loop.test.ts "a lane that leaves and joins again ..." |
 * | HEAD: subscription of a wrong validator panics | LANESTORE_WRONG_LANE: "bad input: blocks: ..." |
 * | HEAD: the next CommitQC persists after an anchor came first | "restart: an anchor past all CommitQCs" |
 * | HEAD: a restart needs Close() first | "the whole flow" closes; without it: conformance suite, "a second opener is LANESTORE_LOCKED, ..." |
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openNoop } from '../../src/adapter/index.js';
import { openLevel } from '../../src/adapter/level/index.js';
import { openWal } from '../../src/adapter/wal/index.js';
import { type AvailState, type NodeStore, openAvail } from '../../src/avail/index.js';
import { laneIdOf } from '../../src/keys/index.js';
import {
  autobahn,
  type CommitQC,
  globalRange,
  headerHash,
  type LaneRange,
  type Payload,
  type SignedBlock,
  signBlock,
  verifyFullCommitQC,
  verifyLaneQC,
} from '../../src/model/autobahn/index.js';
import { refused, rejection } from '../support/faults.js';
import { bounded } from '../support/hang.js';
import { turns } from '../support/held-level.js';
import { makeNetwork } from '../support/network.js';
import { inTemp, withTemp } from '../support/temp.js';
import { pending, trafficOf, trustingNetwork, voteFor, withState } from './support.js';

const net = makeNetwork({ validators: 4 });
const { committee } = net;
const made = trafficOf(net, 8, 2);
const [own, otherLane] = net.laneIds as [string, string];
const payload = (n: number): Payload => ({
  createdAt: { seconds: 1n, nanos: n },
  totalGas: 1n,
  edgeCount: 0n,
  basefee: 1n,
  txs: [new Uint8Array(50).fill(n)],
});

type Open = (dir: string) => Promise<NodeStore>;
const BACKENDS: Readonly<Record<string, Open>> = {
  noop: () => openNoop({ model: autobahn }),
  level: (dir) => openLevel(join(dir, 'level'), { model: autobahn }),
  wal: (dir) => openWal(join(dir, 'wal'), { model: autobahn }),
};

const flow = bounded(suite('avail: the whole flow'));

/**
 * Produces, votes, orders, executes: the work of the nodes of a network, with one state in place of
 * validator 0.
 */
class Player {
  readonly headers;
  previous: CommitQC | undefined;

  constructor(
    readonly state: AvailState,
    previous: CommitQC | undefined,
  ) {
    this.headers = state.headers();
    this.previous = previous;
  }

  /**
   * One road: a block of validator 0 and one of validator 1, votes, LaneQCs, a CommitQC, app votes.
   * Returns the CommitQC.
   */
  async road(
    peer: (parent: SignedBlock | undefined) => SignedBlock,
    last: SignedBlock | undefined,
  ): Promise<SignedBlock> {
    const { state } = this;
    const block = peer(last);
    const [mine] = await Promise.all([state.produceBlock(payload(1)), state.pushBlock(block)]);
    const seen = new Set<string>();
    while (!seen.has(hashOf(mine)) || !seen.has(hashOf(block)))
      for (const header of await this.headers.receiveBatch()) {
        seen.add(laneIdOf(headerHash(header)));
        for (const place of [0, 1]) await state.pushVote(net.signedBy(place, { kind: 'laneVote', value: header }));
      }
    const laneQCs = await state.waitForLaneQCs(this.previous);
    for (const qc of laneQCs.values()) verifyLaneQC(qc, committee);
    const qc = this.#commit(
      new Map([...laneQCs].map(([lane, { vote }]) => [lane, { next: vote.blockNumber + 1n, hash: headerHash(vote) }])),
    );
    assert.is(await state.pushCommitQC(qc), 'added');
    const full = await state.fullCommitQC(qc.vote.view.index);
    assert.ok(full !== undefined);
    verifyFullCommitQC(full, committee);
    this.previous = qc;
    const { next } = globalRange(qc.vote);
    const app = {
      globalNumber: next - 1n,
      roadIndex: qc.vote.view.index,
      appHash: new Uint8Array(32).fill(Number(next % 251n)),
    };
    for (const place of [0, 1, 2]) await state.pushAppVote(net.signedBy(place, { kind: 'appVote', value: app }));
    const anchor = await state.waitForAppQC(qc.vote.view.index);
    assert.is(anchor.commitQC, qc);
    return block;
  }

  #commit(ends: Map<string, { next: bigint; hash: Uint8Array }>): CommitQC {
    const laneRanges = committee.keys.map((lane): LaneRange => {
      const before = this.previous?.vote.laneRanges.find((range) => laneIdOf(range.lane) === laneIdOf(lane));
      const first = before?.next ?? 0n;
      const end = ends.get(laneIdOf(lane));
      return { lane, first, next: end?.next ?? first, lastHash: end?.hash ?? new Uint8Array(32) };
    });
    const index = this.previous === undefined ? 0n : this.previous.vote.view.index + 1n;
    const vote = { view: { index, number: 0n }, createdAt: { seconds: 5n, nanos: 0 }, laneRanges };
    const sigs = [0, 1, 2].map((place) => net.signedBy(place, { kind: 'commitVote', value: vote }).sig);
    return { vote, sigs };
  }
}

const hashOf = ({ block }: SignedBlock) => laneIdOf(headerHash(block.header));

function peerBlock(parent: SignedBlock | undefined): SignedBlock {
  const [, lane] = committee.keys;
  const header = {
    lane: lane as Uint8Array,
    blockNumber: parent === undefined ? 0n : parent.block.header.blockNumber + 1n,
    parentHash: parent === undefined ? new Uint8Array(32) : headerHash(parent.block.header),
    payloadHash: made.blocks[1]![0]!.block.header.payloadHash,
  };
  return signBlock(net.secret(1), { header, payload: made.blocks[1]![0]!.block.payload });
}

for (const [name, open] of Object.entries(BACKENDS)) {
  flow(`produce, vote, order, execute, prune: ten roads on ${name}${name === 'noop' ? '' : ', restarts'}`, () =>
    withTemp(async (dir) => {
      let last: SignedBlock | undefined;
      let previous: CommitQC | undefined;
      for (let restart = 0; restart < (name === 'noop' ? 1 : 5); restart++) {
        const store = await open(dir);
        const state = await openAvail({ store, committee, secret: net.secret(0) });
        if (previous !== undefined) {
          assert.is(state.loaded.anchor, previous.vote.view.index, 'the AppQC of the last road');
          assert.ok(state.firstCommitQC >= previous.vote.view.index);
          assert.equal(state.lastCommitQC, previous);
          assert.equal(state.lastAppQC?.vote.roadIndex, previous.vote.view.index);
          assert.equal(state.nextBlock(own), BigInt(restart * 2));
          assert.equal(state.nextBlock(otherLane), BigInt(restart * 2));
        }
        const player = new Player(state, previous);
        for (let road = 0; road < (name === 'noop' ? 10 : 2); road++) last = await player.road(peerBlock, last);
        previous = player.previous;
        await state.flush();
        await state.close();
        await store.close();
      }
    }),
  );
}

const restart = bounded(suite('avail: restart'));

const ROWS: readonly (readonly [
  string,
  (state: AvailState) => Promise<void>,
  (state: AvailState) => unknown,
  unknown,
])[] = [
  ['an empty store', async () => undefined, shape, '- qc [0,0) - blocks 0 0'],
  ['an anchor', (s) => anchor(s, 3), shape, '3 qc [3,4) 3 blocks 6 6'],
  ['blocks', (s) => blocks(s, 0, 5), shape, '- qc [0,0) - blocks 5 0'],
  ['CommitQCs', (s) => qcs(s, 0, 3), shape, '- qc [0,3) 2 blocks 0 0'],
  [
    'CommitQCs and an anchor',
    async (s) => {
      await qcs(s, 0, 6);
      await anchor(s, 3);
    },
    shape,
    '3 qc [3,6) 5 blocks 6 6',
  ],
  [
    'blocks and an anchor',
    async (s) => {
      await blocks(s, 0, 9);
      await anchor(s, 3);
    },
    shape,
    '3 qc [3,4) 3 blocks 9 6',
  ],
  [
    'an anchor past all CommitQCs',
    async (s) => {
      await qcs(s, 0, 2);
      await anchor(s, 5);
      await qcs(s, 6, 8);
    },
    shape,
    '5 qc [5,8) 7 blocks 10 10',
  ],
  [
    'an anchor past all blocks',
    async (s) => {
      await blocks(s, 0, 4);
      await anchor(s, 5);
      await blocks(s, 10, 13);
    },
    shape,
    '5 qc [5,6) 5 blocks 13 10',
  ],
];

function shape(state: AvailState): string {
  const { vote } = state.lastCommitQC ?? {};
  return `${state.lastAppQC?.vote.roadIndex ?? '-'} qc [${state.firstCommitQC},${state.nextCommitQC}) ${vote?.view.index ?? '-'} blocks ${state.nextBlock(own)} ${state.nextBlock(otherLane)}`;
}

async function blocks(state: AvailState, from: number, to: number): Promise<void> {
  for (const block of made.blocks[0]!.slice(from, to)) await state.pushBlock(block);
}

async function qcs(state: AvailState, from: number, to: number): Promise<void> {
  for (const qc of made.qcs.slice(from, to)) await state.pushCommitQC(qc);
}

async function anchor(state: AvailState, road: number): Promise<void> {
  await state.pushAppQC(made.anchors[road]!.appQC, made.qcs[road]!);
}

for (const name of ['level', 'wal']) {
  for (const [what, fill, look, want] of ROWS) {
    restart(`${what}, on ${name}`, () =>
      withTemp(async (dir) => {
        for (const pass of ['written', 'read back', 'read again']) {
          const store = await BACKENDS[name]!(dir);
          const state = await openAvail({ store, committee });
          if (pass === 'written') await fill(state);
          await state.flush();
          assert.is(look(state), want, pass);
          await state.close();
          await store.close();
        }
      }),
    );
  }
}

restart('after a restart, headers to vote for begin again with all held blocks, durable ones only', async () => {
  const db = await withState({ committee }, async (state, held) => {
    await blocks(state, 0, 3);
    await state.flush();
    held.hold();
    await blocks(state, 3, 6);
    const headers = state.headers();
    assert.equal(
      (await headers.receiveBatch()).map(({ blockNumber }) => blockNumber),
      [0n, 1n, 2n],
    );
    assert.ok(
      await pending(headers.receiveBatch(AbortSignal.timeout(60_000))),
      'headers that are not durable are not returned',
    );
  });
  await withState({ db, committee }, async (state) => {
    const numbers = (await state.headers().receiveBatch()).map(({ blockNumber }) => blockNumber);
    assert.equal(numbers, [0n, 1n, 2n, 3n, 4n, 5n]);
  });
});

const gates = bounded(suite('avail: durability'));

gates('lastCommitQC and commitQC() wait for the disk; only then can the next road be entered', () =>
  withState({ committee }, async (state, db) => {
    db.hold();
    await qcs(state, 0, 3);
    assert.is(state.nextCommitQC, 3n);
    assert.is(state.lastCommitQC, undefined);
    const waits = [state.commitQC(0n), state.waitForCommitQC(2n)];
    for (const wait of waits) assert.ok(await pending(wait));
    db.release();
    assert.equal(await Promise.all(waits), [made.qcs[0], made.qcs[2]]);
    assert.is(state.lastCommitQC, made.qcs[2]);
  }).then(() => undefined),
);

for (const announce of ['durable', 'received'] as const) {
  gates(`own blocks are announced when ${announce}`, () =>
    withState({ committee, secret: net.secret(0), announce }, async (state, db) => {
      db.hold();
      const produced = state.produceBlock(payload(1));
      const streamed = state.blocks(own).receive();
      const asked = state.block(own, 0n);
      const foreign = state.block(otherLane, 0n);
      await state.pushBlock(made.blocks[1]![0]!);
      assert.is(await foreign, made.blocks[1]![0], 'another validator’s block is announced at once');
      for (const wait of [produced, streamed, asked]) assert.is(await pending(wait), announce === 'durable');
      db.release();
      assert.is(await streamed, await produced);
      assert.is(await asked, await produced);
    }).then(() => undefined),
  );
}

gates('an abort ends the wait of a producer, not the block', () =>
  withState({ committee, secret: net.secret(0) }, async (state, db) => {
    db.hold();
    const abort = new AbortController();
    const produced = rejection(state.produceBlock(payload(1), abort.signal));
    await turns();
    abort.abort(new Error('enough'));
    assert.match(String(await produced), /enough/);
    db.release();
    assert.is((await state.blocks(own).receive()).block.header.blockNumber, 0n);
    assert.is((await state.produceBlock(payload(2))).block.header.blockNumber, 1n);
  }).then(() => undefined),
);

const admission = bounded(suite('avail: back-pressure'));

const trusted = trustingNetwork({ validators: 4 });
const many = trafficOf(trusted.net, 20, 2);

admission(
  '30 blocks after the durable anchor, blocks, votes and the producer wait; a durable anchor releases them',
  async () => {
    await withState({ committee: trusted.committee }, async (state, db) => {
      for (const block of many.blocks[0]!.slice(0, 30)) await state.pushBlock(block);
      const lane = trusted.net.laneIds[0]!;
      const more = state.pushBlock(many.blocks[0]![30]!);
      const vote = state.pushVote(voteFor(trusted.net, 1, many.blocks[0]![30]!));
      const room = state.waitForCapacity(lane);
      for (const wait of [more, vote, room]) assert.ok(await pending(wait));
      db.hold();
      await state.pushAppQC(many.anchors[3]!.appQC, many.qcs[3]!);
      for (const wait of [more, vote, room]) assert.ok(await pending(wait), 'the anchor is not durable yet');
      db.release();
      assert.equal(await Promise.all([more, vote, room]), ['added', 'added', undefined]);
      await state.flush();
      assert.equal(state.range(lane), { first: 6n, next: 31n, durable: 31n });
    });
  },
);

admission('a block far ahead waits for the blocks before it, and an abort ends that', () =>
  withState({ committee }, async (state) => {
    const abort = new AbortController();
    const far = state.pushBlock(made.blocks[0]![5]!);
    const aborted = rejection(state.pushBlock(made.blocks[0]![7]!, abort.signal));
    const qc = state.pushCommitQC(made.qcs[4]!);
    await turns();
    abort.abort(new RangeError('gave up'));
    assert.ok((await aborted) instanceof RangeError);
    await blocks(state, 0, 5);
    assert.is(await far, 'added');
    assert.ok(await pending(qc), 'a CommitQC far ahead waits');
    await qcs(state, 0, 4);
    assert.is(await qc, 'added');
    assert.is(
      await rejection(state.block(own, 99n, AbortSignal.abort('before'))),
      'before',
      'a signal that has aborted already',
    );
  }).then(() => undefined),
);

admission('a call that waits for one lane, or one kind, is not woken for another', () =>
  withState({ committee }, async (state) => {
    const waits = [
      state.block(otherLane, 9n),
      state.waitForAppQC(0n),
      state.commitQC(9n),
      state.waitForLaneQCs(undefined),
    ];
    for (const wait of waits) wait.catch(() => undefined);
    const looks = state.looks;
    await blocks(state, 0, 6);
    await state.flush();
    assert.is(state.looks, looks, 'six blocks of another lane woke no call');
    await state.pushVote(voteFor(net, 2, made.blocks[0]![0]!));
    assert.is(state.looks, looks, 'nor did a vote without a quorum');
    await state.pushVote(voteFor(net, 3, made.blocks[0]![0]!));
    assert.is(((await waits[3]) as Map<string, unknown>).size, 1);
    assert.is(state.looks, looks + 1);
  }).then(() => undefined),
);

const bad = bounded(suite('avail: bad input'));

bad('blocks: wrong signer, foreign lane, wrong payload hash, forged signature, oversize', () =>
  withState({ committee, maxRoundBytes: 5000 }, async (state) => {
    const good = made.blocks[0]![0]!;
    const { header, payload: body } = good.block;
    const stranger = makeNetwork({ validators: 1, seed: 5 });
    await refused(
      state.pushBlock({ ...good, sig: made.blocks[1]![0]!.sig }),
      'LANESTORE_VERIFY',
      /not by its lane's validator/,
    );
    await refused(state.pushBlock(stranger.block(0)), 'LANESTORE_WRONG_LANE');
    await refused(
      state.pushBlock({ ...good, block: { header, payload: { ...body, totalGas: 7n } } }),
      'LANESTORE_VERIFY',
      /payload hash/,
    );
    const forged = { key: good.sig.key, sig: good.sig.sig.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) };
    await refused(state.pushBlock({ ...good, sig: forged }), 'LANESTORE_VERIFY', /signature/);
    await refused(
      state.pushBlock({ ...good, block: { header: { ...header, parentHash: new Uint8Array(3) }, payload: body } }),
      'LANESTORE_INVALID',
    );
    const large = signBlock(net.secret(0), { header, payload: { ...body, txs: [new Uint8Array(6000)] } });
    await refused(state.pushBlock(large), 'LANESTORE_INVALID', /maxRoundBytes/);
    assert.is(state.nextBlock(own), 0n);
    for (const call of [() => state.range('00'), () => state.nextBlock('00'), () => state.blocks('00')])
      assert.match(String(await rejection(async () => call())), /no committee has the lane/);
    await refused(state.block('00', 0n), 'LANESTORE_WRONG_LANE');
    await refused(state.produceBlock(payload(1)), 'LANESTORE_INVALID', /secret/);
  }).then(() => undefined),
);

bad('a block with a wrong parent, and a second block of one number, are dropped and counted; the lane continues', () =>
  withState({ committee }, async (state) => {
    await blocks(state, 0, 2);
    const { header, payload: body } = made.blocks[0]![2]!.block;
    const orphan = signBlock(net.secret(0), {
      header: { ...header, parentHash: new Uint8Array(32).fill(9) },
      payload: body,
    });
    assert.is(await state.pushBlock(orphan), 'dropped');
    const twin = signBlock(net.secret(0), {
      header: { ...made.blocks[0]![1]!.block.header, parentHash: new Uint8Array(32).fill(9) },
      payload: made.blocks[0]![1]!.block.payload,
    });
    assert.is(await state.pushBlock(twin), 'dropped');
    assert.is(await state.pushBlock(made.blocks[0]![1]!), 'known');
    assert.equal(state.dropped, { badParents: 1, equivocations: 1 });
    assert.is(state.nextBlock(own), 2n);
    assert.is(await state.pushBlock(made.blocks[0]![2]!), 'added');
  }).then(() => undefined),
);

bad('votes: foreign lane, foreign signer, another kind, twice, two blocks of the same number', () =>
  withState({ committee }, async (state) => {
    const block = made.blocks[0]![0]!;
    const vote = voteFor(net, 1, block);
    const stranger = makeNetwork({ validators: 1, seed: 5 });
    await refused(state.pushVote(voteFor(net, 1, stranger.block(0))), 'LANESTORE_WRONG_LANE');
    await refused(state.pushVote(voteFor(stranger, 0, block)), 'LANESTORE_VERIFY');
    await refused(
      state.pushVote(net.signedBy(1, { kind: 'appVote', value: made.anchors[0]!.appQC.vote })),
      'LANESTORE_INVALID',
    );
    await refused(
      state.pushVote({ ...vote, sig: voteFor(net, 2, block).sig, msg: voteFor(net, 2, made.blocks[1]![0]!).msg }),
      'LANESTORE_VERIFY',
    );
    assert.equal([await state.pushVote(vote), await state.pushVote(vote)], ['added', 'known']);
    const otherHeader = { ...block.block.header, payloadHash: new Uint8Array(32).fill(3) };
    assert.is(
      await state.pushVote(net.signedBy(1, { kind: 'laneVote', value: otherHeader })),
      'dropped',
      'for a block that is not ours',
    );
    assert.is(state.dropped.equivocations, 1);
    assert.is(
      await state.pushVote(net.signedBy(2, { kind: 'laneVote', value: otherHeader })),
      'added',
      'the block need not be here',
    );
    assert.ok(
      await pending(state.waitForLaneQCs(undefined, AbortSignal.timeout(60_000))),
      'two votes for two blocks are no LaneQC',
    );
  }).then(() => undefined),
);

bad('CommitQCs and AppQCs: too few signatures, an AppQC of another CommitQC, a vote that does not match', () =>
  withState({ committee }, async (state) => {
    const [first, second] = made.qcs as [CommitQC, CommitQC];
    await refused(state.pushCommitQC({ ...first, sigs: first.sigs.slice(0, 2) }), 'LANESTORE_VERIFY');
    await qcs(state, 0, 2);
    assert.is(await state.pushCommitQC(first), 'known');
    const { appQC } = made.anchors[0]!;
    await refused(state.pushAppQC(appQC, second), 'LANESTORE_VERIFY', /does not belong/);
    await refused(state.pushAppQC({ ...appQC, sigs: appQC.sigs.slice(0, 2) }, first), 'LANESTORE_VERIFY');
    const misfit = { ...appQC.vote, globalNumber: 999n };
    await refused(state.pushAppVote(net.signedBy(0, { kind: 'appVote', value: misfit })), 'LANESTORE_VERIFY');
    assert.is(state.lastAppQC, undefined, 'nothing has changed');
    const early = state.pushAppVote(net.signedBy(0, { kind: 'appVote', value: made.anchors[2]!.appQC.vote }));
    assert.ok(await pending(early), 'a vote for a road whose CommitQC is missing waits');
    await anchor(state, 2);
    assert.is(await early, 'known');
    assert.is(await state.pushAppQC(appQC, first), 'known', 'an older one');
    assert.is(await state.commitQC(0n), undefined, 'pruned');
    assert.is(await state.fullCommitQC(1n), undefined, 'pruned');
    assert.is(await state.block(own, 0n), undefined, 'pruned');
  }).then(() => undefined),
);

bad('a FullCommitQC takes its headers from blocks and votes, so a restarted node need not collect them again', () =>
  withState({ committee }, async (state) => {
    for (const lane of made.blocks.slice(0, 3)) for (const block of lane.slice(0, 2)) await state.pushBlock(block);
    await qcs(state, 0, 1);
    const full = state.fullCommitQC(0n);
    assert.ok(await pending(full), 'one lane is missing');
    for (const block of made.blocks[3]!.slice(0, 2)) await state.pushVote(voteFor(net, 1, block));
    const found = await full;
    assert.ok(found !== undefined);
    verifyFullCommitQC(found, committee);
  }).then(() => undefined),
);

bad(
  'options',
  inTemp(async () => {
    const store = await openNoop({ model: autobahn });
    await refused(openAvail({ store, committee, maxRoundBytes: 0 }), 'LANESTORE_INVALID');
    await refused(openAvail({ store, committee, maxRounds: 0.5 }), 'LANESTORE_INVALID');
    await refused(openAvail({ store, committee: [] }), 'LANESTORE_INVALID');
  }),
);

flow.run();
restart.run();
gates.run();
admission.run();
bad.run();
