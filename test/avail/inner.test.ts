/**
 * The pure part of the availability state: queue, lanes, prune, load.
 *
 * Where the cases of docs/original.md, Test cases: lanes and queues (avail/queue_test.go,
 * avail/inner_test.go at 11419398f) went:
 *
 * | upstream | here |
 * |---|---|
 * | queue: empty; pushBack; prune; stale prune no-op; prune past next moves both | "queue: ..." |
 * | prune with mismatched AppQC and CommitQC errors and changes nothing | "prune: mismatched ..." |
 * | fresh start all zeros | "load: nothing" |
 * | incomplete anchor decode errors | "load: an anchor without its CommitQC, or its AppQC" |
 * | loaded without anchor starts at 0; contiguous blocks restore and set nextBlockToPersist; multiple lanes | "load: blocks without an anchor" |
 * | empty slice ok | "load: a lane without blocks" |
 * | unknown lane ignored | "load: a lane of no committee is left alone" |
 * | QCs without anchor restored and latest published | "load: CommitQCs without an anchor" |
 * | QCs with anchor start at anchor; QCs below anchor skipped; stale QCs plus anchor: only the anchor's | "load: CommitQCs with an anchor" |
 * | anchor, QCs and blocks together; anchor positions every lane queue | "load: everything together" |
 * | prune advances nextBlockToPersist past the old cursor (no spin) | "prune: cursors ..." and loop.test.ts "a lane that was pruned past ..." |
 * | all QCs stale; no QC files (crash window): anchor QC alone, persistedBlockStart set | "load: only the anchor" |
 * | QC gap; gap after anchor | "load: a gap in the CommitQCs" |
 * | none ok | "load: nothing" |
 * | block gap error | "load: a gap in a lane" |
 * | parent-hash mismatch error | "load: a wrong parent" |
 * | 35 blocks exceed capacity | "load: 30 blocks of a lane, and 31" |
 * | anchor's CommitQC drives prune | "prune: the anchor's CommitQC ..." |
 *
 * Beyond upstream: signatures of what was loaded, lanes that begin elsewhere, all findings at once,
 * departed lanes, monotone cursors as a property, size bounds against the real records.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LevelEntries } from '../../src/adapter/level/format/step.js';
import { PutEncoder, sizeOf } from '../../src/adapter/level/write/encode.js';
import { emptyState } from '../../src/adapter/planner.js';
import { planRound } from '../../src/adapter/round-plan.js';
import { Inner } from '../../src/avail/inner.js';
import { Lane } from '../../src/avail/lane.js';
import { load } from '../../src/avail/load.js';
import { Queue } from '../../src/avail/queue.js';
import { anchorBytes, blockBytes, commitQCBytes } from '../../src/avail/sizes.js';
import { Tally } from '../../src/avail/tally.js';
import { takeTurn } from '../../src/avail/turn.js';
import { isLanestoreError } from '../../src/errors.js';
import {
  autobahn,
  type CommitQC,
  headerHash,
  type PruneAnchor,
  type SignedBlock,
} from '../../src/model/autobahn/index.js';
import { refusedSync } from '../support/faults.js';
import { bounded } from '../support/hang.js';
import { makeNetwork } from '../support/network.js';
import { findingKinds, loaded, source, trafficOf, trustingNetwork } from './support.js';

const LIMITS = { bytesMax: 1 << 20, entriesMax: 1000, roundsPerLogMax: 2 };

const queue = bounded(suite('avail: queue'));

queue('empty, filled, pruned, pruned again below, pruned past its end', () => {
  const q = new Queue<string>();
  assert.equal([q.first, q.next, q.length, q.last], [0n, 0n, 0, undefined]);
  for (const entry of ['a', 'b', 'c']) q.push(entry);
  assert.equal([...q], ['a', 'b', 'c']);
  q.prune(2n);
  assert.equal([q.first, q.next, q.length, q.get(1n), q.get(2n)], [2n, 3n, 1, undefined, 'c']);
  q.prune(1n);
  assert.equal([q.first, q.next], [2n, 3n], 'a stale prune changes nothing');
  q.prune(2n ** 60n);
  assert.equal([q.first, q.next, q.length, q.last], [2n ** 60n, 2n ** 60n, 0, undefined], 'without counting there');
  q.push('z');
  assert.is(q.get(2n ** 60n), 'z');
});

queue('a tally counts each validator once, and keeps votes for different values separate', () => {
  const sig = (n: number) => ({ key: new Uint8Array(32).fill(n), sig: new Uint8Array(64) });
  const tally = new Tally<string>();
  assert.is(tally.add('aa', 'A', sig(1)), 'counted');
  assert.is(tally.add('aa', 'A', sig(1)), 'known');
  assert.is(tally.add('bb', 'B', sig(1)), 'equivocation');
  assert.is(tally.candidate('bb'), undefined, 'no vote is left');
  assert.is(tally.winner(2), undefined);
  tally.add('aa', 'A', sig(2));
  assert.is(tally.winner(2)?.sigs.length, 2);
});

const prune = bounded(suite('avail: prune'));

prune('mismatched AppQC and CommitQC are refused, and nothing changes', () => {
  const { net, committee } = trustingNetwork({ validators: 4 });
  const { qcs, anchors } = trafficOf(net, 3);
  const { inner } = loaded(committee, source([]));
  const mixed = { appQC: anchors[1]!.appQC, commitQC: qcs[2]! };
  const error = refusedSync(() => inner.prune(mixed), 'LANESTORE_INVALID');
  assert.match(error.message, /mismatched/);
  assert.equal([inner.commitQCs.next, inner.anchor], [0n, undefined]);
});

prune("the anchor's CommitQC drives it: lanes begin at the start of their ranges, the CommitQC itself is held", () => {
  const { net, committee } = trustingNetwork({ validators: 4 });
  const { blocks, qcs, anchors } = trafficOf(net, 5, 2);
  const { inner } = loaded(committee, source(blocks, qcs));
  assert.ok(inner.prune(anchors[3]!));
  assert.equal([inner.commitQCs.first, inner.commitQCs.next], [3n, 5n]);
  for (const lane of inner.lanes.values()) assert.equal([lane.blocks.first, lane.blocks.next], [6n, 10n]);
  assert.not(inner.prune(anchors[3]!), 'the same again');
  assert.not(inner.prune(anchors[1]!), 'an older one');
  assert.is(inner.commitQCs.first, 3n);
});

prune('cursors never go back after a late acknowledgement, and no entry is taken twice', () => {
  const { net, committee } = trustingNetwork({ validators: 4 });
  const { blocks, anchors } = trafficOf(net, 12);
  const { inner } = loaded(committee, source([]));
  const lane = inner.lane(net.laneIds[0]!);
  for (const signed of blocks[0]!.slice(0, 3))
    inner.pushBlock(lane, { signed, hash: headerHash(signed.block.header), bytes: blockBytes(signed) });
  const turn = takeTurn(inner, LIMITS);
  assert.is([...(turn?.round.blocks ?? [])].length, 3);
  // An AppQC from peers is far ahead of the entries in flight. In the original the cursor went back
  // and the loop spun.
  inner.prune(anchors[9]!);
  assert.is(lane.durable, 9n);
  inner.markBlock(lane, 2n);
  assert.equal([lane.durable, lane.submitted, lane.roundsUnderWay], [9n, 9n, 0]);
  const next = takeTurn(inner, LIMITS);
  assert.equal(Object.keys(next?.round ?? {}), ['anchor', 'commitQCs']);
  assert.is(takeTurn(inner, LIMITS), undefined, 'a second call finds no work');
  inner.markAnchor(anchors[9]!);
  inner.markCommitQC(anchors[4]!.commitQC);
  assert.is(inner.durableQCs, 10n, 'a late CommitQC does not move the durable one back');
  inner.markAnchor(anchors[4]!);
  assert.equal([inner.durableAnchor, lane.limit], [anchors[9], 39n], 'nor does a late anchor');
});

prune('a refused turn is put back unchanged', () => {
  const { net, committee } = trustingNetwork({ validators: 4 });
  const { blocks, qcs, anchors } = trafficOf(net, 6);
  const { inner } = loaded(
    committee,
    source(
      blocks.map((lane) => lane.slice(0, 2)),
      qcs.slice(0, 2),
    ),
  );
  for (const [place, lane] of blocks.entries())
    for (const signed of lane.slice(2, 5))
      inner.pushBlock(inner.lane(net.laneIds[place]!), { signed, hash: headerHash(signed.block.header), bytes: 100 });
  for (const qc of qcs.slice(2, 5)) inner.pushCommitQC(qc);
  inner.prune(anchors[2]!);
  const first = takeTurn(inner, LIMITS);
  first?.undo();
  const again = takeTurn(inner, LIMITS);
  assert.equal([...(again?.round.blocks ?? [])], [...(first?.round.blocks ?? [])]);
  assert.equal(again?.round.commitQCs, first?.round.commitQCs);
  assert.is(again?.round.anchor, anchors[2]);
});

prune(
  'a turn refused after a newer anchor arrived is put back from that anchor on, so that no call waits forever',
  () => {
    const { net, committee } = trustingNetwork({ validators: 4 });
    const { blocks, qcs, anchors } = trafficOf(net, 5);
    const { inner } = loaded(committee, source([]));
    for (const [place, lane] of blocks.entries())
      for (const signed of lane)
        inner.pushBlock(inner.lane(net.laneIds[place]!), { signed, hash: headerHash(signed.block.header), bytes: 100 });
    for (const qc of qcs) inner.pushCommitQC(qc);
    const refusedTurn = takeTurn(inner, LIMITS);
    inner.prune(anchors[2]!);
    refusedTurn?.undo();
    for (const lane of inner.lanes.values()) assert.is(lane.submitted, 2n);
    const again = takeTurn(inner, LIMITS);
    assert.is([...(again?.round.blocks ?? [])].length, 4 * 3);
    assert.equal(again?.round.commitQCs, qcs.slice(2));
    assert.is(again?.round.anchor, anchors[2]);
  },
);

prune('a turn stays below its byte limit, takes a larger entry alone, and starves no lane', () => {
  const { net, committee } = trustingNetwork({ validators: 4 });
  const { inner } = loaded(committee, source([]));
  const sizes = [5000, 100, 100, 100];
  for (const [place, id] of net.laneIds.entries()) {
    for (let i = 0; i < 6; i++) {
      const signed = net.block(place, { payloadBytes: 10 });
      inner.pushBlock(inner.lane(id), { signed, hash: headerHash(signed.block.header), bytes: sizes[place]! });
    }
  }
  const taken: SignedBlock[] = [];
  for (let rotation = 0; taken.length < 24; rotation++) {
    assert.ok(rotation < 24, 'every turn takes something');
    const turn = takeTurn(inner, { bytesMax: 1000, entriesMax: 99, roundsPerLogMax: 99 }, rotation);
    const blocks = [...(turn?.round.blocks ?? [])];
    assert.ok(blocks.length === 1 || (turn?.bytes ?? 0) <= 1000, `${turn?.bytes} bytes`);
    taken.push(...blocks);
  }
  for (const lane of inner.lanes.values()) assert.is(lane.submitted, 6n);
});

prune('a turn has at most as many entries as a store accepts; the rest follows in later turns', () => {
  const { net, committee } = trustingNetwork({ validators: 4 });
  const { blocks, qcs } = trafficOf(net, 6);
  const { inner } = loaded(committee, source([]));
  for (const [place, lane] of blocks.entries()) {
    for (const signed of lane.slice(0, 3)) {
      inner.pushBlock(inner.lane(net.laneIds[place]!), { signed, hash: headerHash(signed.block.header), bytes: 10 });
    }
  }
  for (const qc of qcs.slice(0, 6)) inner.pushCommitQC(qc);
  const counts: number[] = [];
  for (let rotation = 0; rotation < 20; rotation++) {
    const turn = takeTurn(inner, { bytesMax: 1e9, entriesMax: 5, roundsPerLogMax: 99 }, rotation);
    if (turn === undefined) break;
    counts.push([...(turn.round.blocks ?? []), ...(turn.round.commitQCs ?? [])].length);
    assert.is(turn.more, counts.length < 4, `turn ${counts.length}`);
  }
  assert.equal(counts, [5, 5, 5, 3]);
});

prune('sizes are upper bounds of the real records', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 5 }),
      (validators, txs) => {
        const net = makeNetwork({ validators, signed: false, firstBlock: 2n ** 60n, firstRoad: 2n ** 60n });
        const block = net.block(0, { payloadBytes: txs.reduce((sum, n) => sum + n, 1), txBytes: (txs[0] ?? 0) + 1 });
        const qc = net.commitQC();
        const anchor = net.anchor(qc);
        const state = { ...emptyState(), commitQCs: { first: 2n ** 60n, next: 2n ** 60n } };
        const encoder = new PutEncoder(autobahn);
        const bytesOf = (round: { anchor?: PruneAnchor; commitQCs?: CommitQC[]; blocks?: SignedBlock[] }) =>
          sizeOf(planRound<SignedBlock, CommitQC, PruneAnchor, LevelEntries>(autobahn, state, round, encoder)).bytes;
        assert.ok(bytesOf({ blocks: [block] }) <= blockBytes(block), 'block');
        assert.ok(bytesOf({ commitQCs: [qc] }) <= commitQCBytes(qc), 'CommitQC');
        assert.ok(bytesOf({ anchor }) <= anchorBytes(anchor) + commitQCBytes(qc), 'anchor, with its CommitQC');
      },
    ),
    { seed: 8, numRuns: 60 },
  );
});

const loading = bounded(suite('avail: load'));
const { net: shared, committee: trusting } = trustingNetwork({ validators: 4 });
const traffic = trafficOf(shared, 12, 3);
const lanes = (from: number, to: number) => traffic.blocks.map((lane) => lane.slice(from, to));

function corrupt(from: ReturnType<typeof source>, verify = false): string[] {
  return findingKinds(refusedSync(() => loaded(trusting, from, verify), 'LANESTORE_CORRUPT'));
}

loading('nothing: all zeros', () => {
  const { inner, report } = loaded(trusting, source([]));
  assert.equal(report, { commitQCs: 0, blocks: 0, unknownLanes: [], departedLanes: [] });
  assert.equal([inner.commitQCs.next, inner.durableQC, inner.anchor, inner.nextAppQC], [0n, undefined, undefined, 0n]);
  for (const lane of inner.lanes.values()) assert.equal([lane.blocks.next, lane.durable, lane.limit], [0n, 0n, 30n]);
  assert.is(takeTurn(inner, LIMITS), undefined);
});

loading('blocks without an anchor: every lane from 0, all of it durable, nothing to store again', () => {
  const { inner, report } = loaded(trusting, source(lanes(0, 7)));
  assert.is(report.blocks, 28);
  for (const lane of inner.lanes.values())
    assert.equal([lane.blocks.first, lane.blocks.next, lane.durable], [0n, 7n, 7n]);
  assert.is(takeTurn(inner, LIMITS), undefined);
});

loading('a lane without blocks', () => {
  const { recovered, cursors } = source(lanes(0, 3).slice(0, 2));
  const { inner } = loaded(trusting, {
    recovered: { ...recovered, blocks: new Map([...recovered.blocks, [shared.laneIds[2]!, []]]) },
    cursors,
  });
  assert.equal(
    [...inner.lanes.values()].map(({ blocks }) => blocks.next),
    [3n, 3n, 0n, 0n],
  );
});

loading('a lane of no committee is left alone, and named', () => {
  const stranger = makeNetwork({ validators: 1, seed: 77, signed: false });
  const { inner, report } = loaded(trusting, source([...lanes(0, 2), [stranger.block(0)]]));
  assert.equal(report.unknownLanes, stranger.laneIds);
  assert.is(inner.lanes.size, 4);
});

loading('CommitQCs without an anchor: the latest one is the durable one', () => {
  const { inner } = loaded(trusting, source([], traffic.qcs.slice(0, 5)));
  assert.is(inner.durableQC, traffic.qcs[4]);
  assert.equal([inner.commitQCs.first, inner.commitQCs.next], [0n, 5n]);
});

loading('CommitQCs with an anchor: those below it are skipped', () => {
  for (const from of [0, 2, 4]) {
    const { inner } = loaded(trusting, source([], traffic.qcs.slice(from, 8), traffic.anchors[4]));
    assert.equal(
      [inner.commitQCs.first, inner.commitQCs.next, inner.durableQC],
      [4n, 8n, traffic.qcs[7]],
      `from ${from}`,
    );
  }
  const { inner } = loaded(trusting, source([], traffic.qcs.slice(0, 3), traffic.anchors[4]));
  assert.equal([...inner.commitQCs], [traffic.qcs[4]], 'stale ones only: the anchor brings its own');
});

loading(
  'only the anchor: its CommitQC is held, every lane begins where it says, and accepts 30 blocks from there',
  () => {
    const { inner } = loaded(trusting, source([], [], traffic.anchors[4]));
    assert.equal([...inner.commitQCs], [traffic.qcs[4]]);
    assert.is(inner.durableQC, traffic.qcs[4]);
    for (const lane of inner.lanes.values())
      assert.equal([lane.blocks.first, lane.blocks.next, lane.limit], [12n, 12n, 42n]);
    assert.is(takeTurn(inner, LIMITS), undefined, 'the anchor is not stored again');
  },
);

loading('everything together, stale blocks included', () => {
  const { inner, report } = loaded(trusting, source(lanes(0, 20), traffic.qcs.slice(3, 7), traffic.anchors[4]));
  assert.equal([report.anchor, report.commitQCs, report.blocks], [4n, 3, 32]);
  for (const lane of inner.lanes.values()) assert.equal([lane.blocks.first, lane.blocks.next], [12n, 20n]);
});

loading('an anchor without its CommitQC, or its AppQC', () => {
  const { appQC, commitQC } = traffic.anchors[4]!;
  for (const half of [{ appQC }, { commitQC }, { appQC, commitQC: traffic.qcs[5] }])
    assert.equal(corrupt(source([], [], half as PruneAnchor)).slice(0, 1), ['node-anchor'], Object.keys(half).join());
});

loading('a gap in the CommitQCs, at the start, in the middle, after an anchor', () => {
  assert.equal(corrupt(source([], traffic.qcs.slice(1, 3))), ['node-qc-gap']);
  assert.equal(corrupt(source([], [traffic.qcs[0]!, traffic.qcs[2]!])), ['node-qc-gap']);
  assert.equal(corrupt(source([], traffic.qcs.slice(6, 8), traffic.anchors[4])), ['node-qc-gap']);
});

loading('a gap in a lane, and a lane that does not begin where it should', () => {
  const [first] = lanes(0, 4);
  assert.equal(corrupt(source([[first![0]!, first![2]!]])), ['node-block-gap']);
  assert.equal(
    corrupt(source([traffic.blocks[0]!.slice(2, 4)])),
    ['node-lane-start'],
    'without an anchor it begins at 0',
  );
  assert.equal(corrupt(source([traffic.blocks[0]!.slice(14, 16)], [], traffic.anchors[4])), ['node-lane-start']);
});

loading('a lane that the anchor omits begins where its stored blocks begin', () => {
  const net = trustingNetwork({ validators: 4 });
  const { blocks, qcs } = trafficOf(net.net, 2, 3);
  const omitting = net.net.commitQC({ lanes: [0, 1] });
  const late = { ...source([blocks[3]!.slice(3)], [...qcs, omitting]) };
  const qc = { ...omitting, vote: { ...omitting.vote, view: { index: 2n, number: 0n } } };
  const appQC = { vote: { globalNumber: 0n, roadIndex: 2n, appHash: new Uint8Array(32) }, sigs: [] };
  const { inner } = loaded(net.committee, {
    ...late,
    recovered: { ...late.recovered, commitQCs: [], anchor: { appQC, commitQC: qc } },
  });
  const lane = inner.lane(net.net.laneIds[3]!);
  assert.equal([lane.blocks.first, lane.blocks.next], [3n, 6n]);
});

loading('a wrong parent', () => {
  const otherNetwork = trustingNetwork({ validators: 4 });
  const [stray] = trafficOf(otherNetwork.net, 12, 3).blocks;
  const fork = {
    ...stray![2]!,
    block: { ...stray![2]!.block, header: { ...stray![2]!.block.header, parentHash: new Uint8Array(32) } },
  };
  assert.equal(corrupt(source([[...traffic.blocks[0]!.slice(0, 2), fork]])), ['node-block-parent']);
});

loading('30 blocks of a lane, and 31', () => {
  loaded(trusting, source(lanes(0, 30)));
  assert.equal(corrupt(source([traffic.blocks[0]!.slice(0, 31)])), ['node-lane-capacity']);
  loaded(trusting, source(lanes(0, 35), [], traffic.anchors[4]));
});

loading('all findings at once', () => {
  const bad = source(
    [traffic.blocks[0]!.slice(0, 33), [traffic.blocks[1]![0]!, traffic.blocks[1]![2]!]],
    traffic.qcs.slice(1, 3),
  );
  assert.equal(corrupt(bad).sort(), ['node-block-gap', 'node-lane-capacity', 'node-qc-gap']);
});

loading('signatures are checked, unless the node trusts its store', () => {
  const net = makeNetwork({ validators: 4 });
  const { blocks, qcs, anchors } = trafficOf(net, 2, 2);
  const flip = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 9 ? byte ^ 4 : byte));
  const forgedBlock = { ...blocks[1]![3]!, sig: { ...blocks[1]![3]!.sig, sig: flip(blocks[1]![3]!.sig.sig) } };
  const forgedQC = { ...qcs[1]!, sigs: qcs[1]!.sigs.slice(0, 2) };
  const good = source(blocks, qcs, anchors[0]);
  loaded(net.committee, good, true);
  const bad = source([blocks[0]!, [...blocks[1]!.slice(0, 3), forgedBlock]], [qcs[0]!, forgedQC], anchors[0]);
  const error = refusedSync(() => loaded(net.committee, bad, true), 'LANESTORE_CORRUPT');
  assert.equal(findingKinds(error), ['node-qc-verify', 'node-block-verify']);
  loaded(net.committee, bad, false);
});

loading(
  'lanes that left with an earlier committee are loaded, and returned to be dropped once the anchor covers them',
  () => {
    const { net, committee } = trustingNetwork({ validators: 4 });
    const { blocks, qcs, anchors } = trafficOf(net, 4, 2);
    const three = trustingNetwork({ validators: 4 });
    const stay = net.committee.keys.slice(0, 3);
    const smaller = new (three.committee.constructor as new (keys: readonly Uint8Array[]) => typeof committee)(stay);
    for (const [firstRoad, departed] of [
      [2n, [net.laneIds[3]]],
      [3n, []],
    ] as const) {
      const inner = new Inner([
        { committee, firstRoad: 0n },
        { committee: smaller, firstRoad },
      ]);
      const live = source(
        blocks.map((lane) => lane.slice(4)),
        qcs.slice(2),
        anchors[2],
      );
      const report = load(inner, live, false);
      assert.equal(report.departedLanes, departed);
      assert.equal(report.unknownLanes, []);
      assert.is(inner.lanes.size, 4 - departed.length);
    }
  },
);

const monotone = bounded(suite('avail: cursors'));

monotone('cursors of a lane only go forward, in any order of acknowledgements', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constantFrom('prune', 'durable', 'anchored', 'submit'),
      to: fc.bigInt({ min: 0n, max: 60n }),
    }),
    fc.record({ kind: fc.constant('undo' as const), to: fc.constant(0n) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lane = new Lane('aa', 0n);
      let taken: bigint | undefined;
      let before = { durable: 0n, limit: 30n, first: 0n };
      for (const { kind, to } of steps) {
        if (kind === 'prune') lane.prune(to);
        else if (kind === 'durable') lane.markDurable(to);
        else if (kind === 'anchored') lane.markAnchored(to);
        else if (kind === 'submit') {
          taken = lane.submitted;
          lane.submit(to);
        } else if (taken !== undefined) {
          lane.takeBack(taken);
          taken = undefined;
        }
        const now = { durable: lane.durable, limit: lane.limit, first: lane.blocks.first };
        assert.ok(now.durable >= before.durable && now.limit >= before.limit && now.first >= before.first, kind);
        assert.ok(lane.submitted >= lane.blocks.first, 'pruned entries are not handed over');
        before = now;
      }
    }),
    { seed: 8, numRuns: 300 },
  );
});

monotone('an error that is not a refusal is not reported as a finding', () => {
  const from = source([], [], {
    get appQC(): never {
      throw new RangeError('a bug');
    },
  } as never);
  try {
    loaded(trusting, from);
    assert.unreachable();
  } catch (error) {
    assert.not(isLanestoreError(error));
    assert.match(String(error), /a bug/);
  }
});

queue.run();
prune.run();
loading.run();
monotone.run();
