/** States of the original at 73f917bbd: read, verified, compared, imported. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { detectLayout, exportState, importState, openLevel, openView, verify } from '../../src/index.js';
import { diffStates, openState, startState, verifyState } from '../../src/migrations/index.js';
import {
  autobahn,
  codecs,
  entryChecks,
  headerHash,
  laneParts,
  type PersistedInner,
  payloadHash,
  type SignedBlock,
} from '../../src/model/autobahn/73f917bbd/index.js';
import { autobahn as older, entryChecks as olderChecks } from '../../src/model/autobahn/index.js';
import { refused } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { copySeiState, SEI_STATES, seiEpochs, seiExpected, seiManifest } from './sei-states.js';
import { copyState, treeHash } from './states.js';

const test = suite('migrations: sei-73f917bbd');
const OPTIONS = { model: autobahn, checks: entryChecks() };
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

for (const state of SEI_STATES) {
  test(
    `${state}: detected, read and verified as the original reads it; nothing is changed`,
    inTemp(async (dir) => {
      const location = copySeiState(state, dir);
      const before = treeHash(location);
      const expected = seiExpected(state);
      assert.is((await detectLayout(location)).layout, 'sei-73f917bbd');
      const source = await openState(location, autobahn);
      const { anchor, commitQCs, lanes } = await seiManifest(source);
      assert.equal([anchor, commitQCs], [expected.anchor, expected.commitQCs]);
      const held = Object.entries(expected.lanes).filter(([, blocks]) => blocks.length > 0);
      assert.equal(lanes, Object.fromEntries(held));
      assert.equal([source.inner?.length, sha256(source.inner!)], [expected.innerBytes, expected.innerSha256]);
      const report = await verifyState(source, autobahn, entryChecks(await seiEpochs(state)));
      assert.equal(
        report.findings.map(({ detail }) => detail),
        [],
      );
      assert.is(report.rows, source.data!.stored.fullCommitQC.length);
      await source.close();
      assert.is(treeHash(location), before);
    }),
  );

  test(
    `${state}: the suffix of the block store`,
    inTemp(async () => {
      const { blockStoreSuffix: suffix, blockStoreStatus: status } = seiExpected(state);
      const { data, close } = await openState(fixture('head', state, 'state'), autobahn);
      const first = BigInt(status?.first ?? 0n);
      for (const [name, kind] of [
        ['fullCommitQCs', 'fullCommitQC'],
        ['qcs', 'fullCommitQC'],
        ['blocks', 'block'],
        ['appProposals', 'appProposal'],
        ['appQCs', 'appQC'],
      ] as const) {
        const want = suffix?.[name];
        if (want === undefined) continue;
        const got = [];
        for (const row of data!.stored[kind].filter(({ next }) => next > first))
          got.push(sha256((await data!.read(row)).wire));
        assert.equal(
          got,
          want.map(({ recordSha256 }) => recordSha256),
          name,
        );
      }
      await close();
    }),
  );

  test(
    `${state}: imported by the start rules, with its votes closed; it goes on, and prunes`,
    inTemp(async (dir) => {
      const [source, target] = [copySeiState(state, dir), join(dir, 'store')];
      const before = treeHash(source);
      const expected = seiExpected(state);
      const epochs = await seiEpochs(state);
      const report = await importState(source, target, { model: autobahn, checks: entryChecks(epochs) });
      assert.is(treeHash(source), before);
      assert.is(report.sourceLayout, 'sei-73f917bbd');
      const checked = await verify(target, { model: autobahn, checks: entryChecks(epochs) });
      assert.equal([checked.findings, checked.refusal], [[], undefined]);
      await sameVotes(target, source);
      const [a, b] = [await openState(source, autobahn), await openState(target, autobahn)];
      for await (const difference of diffStates(startState(a, autobahn), startState(b, autobahn), autobahn)) {
        assert.unreachable(JSON.stringify(difference, (_, value) => String(value)));
      }
      await a.close();
      await b.close();

      const store = await openNewer(target);
      const { commitQCs, lanes } = store.cursors;
      const { firstRoad, lastCommitQC, nextBlock } = expected.afterStart;
      // The CommitQC of the anchor itself is kept: the first road that a node decides is the next.
      assert.equal(
        [commitQCs.first, commitQCs.next],
        [BigInt(firstRoad) - (expected.anchor === null ? 0n : 1n), BigInt(lastCommitQC) + 1n],
      );
      for (const [lane, next] of Object.entries(nextBlock)) assert.is(lanes.get(lane)?.next ?? 0n, BigInt(next), lane);
      assert.equal(
        [...lanes.keys()].filter((lane) => nextBlock[lane] === undefined),
        [],
      );
      await goOn(store);
      await store.close();
      const again = await openNewer(target);
      const recovered = again.takeRecovered();
      assert.is(recovered.anchor?.commitQC.vote.view.index, BigInt(lastCommitQC) + 1n);
      await again.close();
    }),
  );
}

/** The votes in `inner` are watermarks of the store, and all parts are closed. */
async function sameVotes(target: string, source: string): Promise<void> {
  const state = await openState(source, autobahn);
  const inner: PersistedInner = codecs.persistedInner.fromWire(state.inner!);
  await state.close();
  await using view = await openView(target, { model: autobahn });
  const { votes } = view;
  assert.equal([...(votes?.quarantine?.parts ?? [])].sort(), ['app', 'lanes', 'own', 'rounds']);
  const given = [inner.prepareVote, inner.commitVote, inner.timeoutVote?.vote].filter((vote) => vote !== undefined);
  assert.ok(given.length > 0, 'the node had voted');
  assert.equal(votes?.signer, given[0]!.sig.key);
  const names = {
    prepare: inner.prepareVote?.msg,
    commit: inner.commitVote?.msg,
    timeout: inner.timeoutVote?.vote.msg,
  };
  for (const [log, msg] of Object.entries(names)) {
    const at = votes?.logs.get(log)?.watermark?.at;
    if (at !== undefined) assert.equal(at, [msg!.view.index, msg!.view.number], log);
  }
  assert.ok([...votes!.logs.values()].some(({ watermark }) => watermark !== undefined));
}

/** Stores a further round, and an anchor that prunes what came before it. */
async function goOn(level: Awaited<ReturnType<typeof openNewer>>): Promise<void> {
  const recovered = level.takeRecovered();
  const road = level.cursors.commitQCs.next;
  const newest = recovered.commitQCs.at(-1)!;
  const blocks: SignedBlock[] = [];
  const laneRanges = newest.vote.laneRanges.map((range) => {
    const id = Buffer.from(range.lane).toString('hex');
    const stored = recovered.blocks.get(id)?.at(-1);
    const number = level.cursors.lanes.get(id)?.next ?? range.next;
    const payload = { createdAt: newest.vote.timestamp, txs: [], totalGasWanted: 0n, totalGasEstimated: 0n };
    const parentHash = stored === undefined ? range.lastHash : headerHash(stored.block.header);
    const header = { blockNumber: number, parentHash, payloadHash: payloadHash(payload), lane: range.lane };
    const sig = { key: laneParts(range.lane).key, sig: new Uint8Array(64) };
    blocks.push({ block: { header, payload }, sig });
    return { first: range.next, next: number + 1n, lastHash: headerHash(header), lane: range.lane };
  });
  const vote = { ...newest.vote, view: { ...newest.vote.view, index: road, number: 0n }, laneRanges };
  const commitQC = { vote, sigs: [] };
  await level.persist({ blocks, commitQCs: [commitQC] });
  const app = { roadIndex: road, epochIndex: vote.view.epochIndex, globalFirst: 0n, globalNext: 0n };
  await level.persist({ anchor: { appQC: { vote: app, sigs: [] }, commitQC } });
  assert.equal([level.cursors.commitQCs.first, level.cursors.commitQCs.next], [road, road + 1n]);
  for (const { block } of blocks) {
    const { first, next } = level.cursors.lanes.get(Buffer.from(block.header.lane).toString('hex'))!;
    assert.equal([first, next], [block.header.blockNumber + 1n, block.header.blockNumber + 1n]);
  }
}

function openNewer(location: string) {
  return openLevel(location, { model: autobahn });
}

test(
  'epochs: the lane that the epoch of the anchor has closed is dropped, and said so; the new one stays',
  inTemp(async (dir) => {
    const source = copySeiState('epochs', dir);
    const report = await importState(source, join(dir, 'store'), OPTIONS);
    const closed = /^blocks\/cf3e70[0-9a-f]*0000000000000000: the anchor's epoch has closed this lane/;
    assert.is(report.notes.filter((note) => closed.test(note)).length, 1, report.notes.join('\n'));
    assert.is(report.lanes, 5);
    assert.ok(report.staleBlocks >= 7);
  }),
);

test(
  'a process writes to it: an import is refused, a private copy is read and removed',
  inTemp(async (dir) => {
    const location = copySeiState('ordinary', dir);
    const fd = openSync(join(location, 'commitqcs', '0.wal.u'), 'r+');
    try {
      await refused(importState(location, join(dir, 'store'), OPTIONS), 'LANESTORE_LOCKED');
      const source = await openState(location, autobahn);
      assert.is(readdirSync(dir).filter((name) => name.startsWith('ordinary.copy-')).length, 1);
      assert.match(source.notes.join('\n'), /private copy is read/);
      const { anchor, commitQCs } = await seiManifest(source);
      const expected = seiExpected('ordinary');
      assert.equal([anchor, commitQCs], [expected.anchor, expected.commitQCs]);
      await source.close();
      assert.equal(readdirSync(dir), ['ordinary']);
    } finally {
      closeSync(fd);
    }
  }),
);

test(
  'no conversion between the versions, no export: each attempt says so',
  inTemp(async (dir) => {
    const [newer, wal] = [copySeiState('ordinary', dir), copyState('wal', dir)];
    const target = join(dir, 'target');
    const conversion = async (
      attempt: Promise<unknown>,
      code: 'LANESTORE_SCHEMA' | 'LANESTORE_IMPORT',
      text: RegExp,
    ) => {
      const { message, remedy } = await refused(attempt, code);
      assert.match(`${message}\n${remedy}`, text);
    };
    const none = /no conversion exists between the versions/;
    await conversion(importState(newer, target, { model: older, checks: olderChecks() }), 'LANESTORE_SCHEMA', none);
    await conversion(importState(wal, target, OPTIONS), 'LANESTORE_SCHEMA', none);
    await conversion(openState(wal, autobahn), 'LANESTORE_SCHEMA', /use the model of lanestore\/model\/autobahn;/);
    await conversion(openState(newer, older), 'LANESTORE_SCHEMA', /lanestore\/model\/autobahn-73f917bbd/);
    await importState(newer, join(dir, 'store'), OPTIONS);
    await conversion(exportState(join(dir, 'store'), target, 'wal', OPTIONS), 'LANESTORE_IMPORT', none);
    const rows = /nothing is exported to sei-73f917bbd: it keeps whole rows of the data layer/;
    await conversion(
      exportState(join(dir, 'store'), target, 'sei-73f917bbd' as never, OPTIONS),
      'LANESTORE_IMPORT',
      rows,
    );
    await refused(openLevel(join(dir, 'store'), { model: older }), 'LANESTORE_SCHEMA');
    assert.not.ok(readdirSync(dir).includes('target'));
  }),
);

test.run();
