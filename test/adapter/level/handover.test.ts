/**
 * Moving the right to sign from store to store: never two that sign, never one that signs below
 * what the other gave; histories of others, old ones and used ones open nothing.
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  autobahn,
  entryChecks,
  exportHistory,
  formatHistory,
  type HandoverRequest,
  handover,
  handoverRequest,
  importHistory,
  importState,
  type Msg,
  openGuard,
  openLevel,
  openView,
  parseHistory,
  releaseStore,
  type SigningHistory,
  snapshot,
} from '../../../src/index.js';
import { refused } from '../../support/faults.js';
import { makeNetwork } from '../../support/network.js';
import { inTemp } from '../../support/temp.js';
import { appMsg, proposalMsg, timeoutMsg } from '../../support/vote-messages.js';

const test = suite('handover');

const ALL = ['rounds', 'app', 'lanes', 'own'];
const net = makeNetwork({ validators: 4 });
const SECRET = net.secret(0);
const [OWN, OTHER] = net.laneIds as [string, string];
const ROUND = { blocks: [0, 1, 2, 3].map((lane) => net.block(lane, { payloadBytes: 9 })), commitQCs: [net.commitQC()] };
const at = { model: autobahn, network: 'testnet-1' };

const open = (location: string) => openLevel(location, { model: autobahn });
type Store = Awaited<ReturnType<typeof open>>;
const guardOf = (store: Store, firstUse = false) => openGuard({ store, model: autobahn, key: SECRET, firstUse });
const giveOver = (old: string, to: HandoverRequest) => handover(old, { ...at, to });
const bring = (location: string, history: SigningHistory, more: object = {}) =>
  // Through text, as between machines.
  importHistory(location, { ...at, history: parseHistory(formatHistory(history)), ...more });

/** Opens a store with a guard on it. */
async function signing<T>(location: string, use: (guard: Awaited<ReturnType<typeof guardOf>>, store: Store) => T) {
  await using store = await open(location);
  await using guard = await guardOf(store);
  return await use(guard, store);
}

const verdict = (location: string, vote: Msg) => signing(location, (guard) => guard.test(vote));
const votesAt = async (location: string) => {
  await using view = await openView(location, { model: autobahn });
  assert.equal(view.findings, []);
  return view.votes!;
};

/** A store that signs, in road 1, and an import of it: another store, closed. */
async function makeStores(dir: string): Promise<{ old: string; heir: string }> {
  const [old, heir] = [join(dir, 'old'), join(dir, 'heir')];
  {
    await using store = await open(old);
    await using guard = await guardOf(store, true);
    await store.persist(ROUND);
    await guard.round({ votes: [proposalMsg('prepareVote', 1, 0)], inner: () => new Uint8Array([1]) });
  }
  await importState(old, heir, { model: autobahn, checks: entryChecks() });
  await signing(old, async (guard) => {
    await guard.round({ votes: [proposalMsg('commitVote', 1, 0), appMsg(3, 0)], inner: () => new Uint8Array([2]) });
  });
  return { old, heir };
}

test(
  'the heir goes on where the other store stopped, own lane included; that one signs nothing any more',
  inTemp(async (dir) => {
    const { old, heir } = await makeStores(dir);
    assert.is(await verdict(heir, timeoutMsg(1, 0)), 'quarantined');
    const to = await handoverRequest(heir, { model: autobahn });
    const plan = await handover(old, { ...at, to, dryRun: true });
    assert.is(await verdict(old, timeoutMsg(1, 0, 0)), 'new');
    assert.equal((await bring(heir, plan)).opened, [], 'a dry run opens nothing');
    const history = await giveOver(old, to);
    assert.equal({ ...history, time: '' }, { ...plan, kind: 'final', to, seq: plan.seq + 1n, time: '' });
    assert.is(await verdict(old, timeoutMsg(1, 0, 0)), 'quarantined');
    await refused(
      releaseStore(old, { model: autobahn, reason: 'r', asIs: true }),
      'LANESTORE_INVALID',
      /handed its votes/,
    );
    await refused(handoverRequest(join(dir, 'absent'), { model: autobahn }), 'LANESTORE_NOT_A_STORE');

    const dry = await bring(heir, history, { dryRun: true });
    assert.equal([dry.opened, dry.closed], [ALL, []]);
    assert.is(await verdict(heir, timeoutMsg(1, 0)), 'quarantined');
    await refused(bring(heir, history, { seq: dry.seq + 1n }), 'LANESTORE_INVALID', /newest batch/);
    assert.equal(await bring(heir, history, { seq: dry.seq }), dry);
    await signing(heir, async (guard, store) => {
      assert.equal(await store.votes!.inner(), new Uint8Array([2]));
      assert.is(guard.test(proposalMsg('commitVote', 1, 0)), 'again');
      assert.is(guard.test(proposalMsg('commitVote', 1, 0, 1)), 'differs');
      // The lock of the commit vote that only the other store gave.
      assert.is(guard.test(timeoutMsg(1, 0)), 'excluded');
      assert.is(guard.test(timeoutMsg(1, 0, 0)), 'new');
      assert.is(guard.test(appMsg(3, 0, 1)), 'differs');
      assert.is(await guard.laneVote(OTHER, 0n), undefined);
      const next = store.cursors.lanes.get(OWN)!.next;
      const header = { lane: net.committee.keys[0]!, blockNumber: next, parentHash: new Uint8Array(32) };
      const payload = { createdAt: { seconds: 1n, nanos: 0 }, totalGas: 0n, edgeCount: 0n, basefee: 0n, txs: [] };
      const block = { header: { ...header, payloadHash: new Uint8Array(32) }, payload };
      assert.ok(
        await guard.ownBlock({ kind: 'laneProposal', value: block }, (signed) => store.persist({ blocks: [signed] })),
      );
    });
    await refused(handoverRequest(heir, { model: autobahn }), 'LANESTORE_INVALID', /signs already/);
    // Used once more, it changes nothing.
    assert.equal((await bring(heir, history)).opened, []);
  }),
);

/** Overwrites all bytes in a value. */
function overwrite(value: unknown): void {
  if (value instanceof Uint8Array) value.fill(0xee);
  else if (value instanceof Map) for (const item of value.values()) overwrite(item);
  else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) overwrite(item);
}

test(
  'memory that is reused during a handover, or an import of its history, changes nothing',
  inTemp(async (dir) => {
    const { old, heir } = await makeStores(dir);
    const to = await handoverRequest(heir, { model: autobahn });
    const request = structuredClone(to);
    const given = giveOver(old, request);
    overwrite(request);
    const history = await given;
    assert.equal(history.to, to);
    const reused = structuredClone(history);
    const brought = importHistory(heir, { ...at, history: reused });
    overwrite(reused);
    assert.equal((await brought).opened, ALL);
    assert.is(await verdict(heir, proposalMsg('commitVote', 1, 0)), 'again');
  }),
);

test(
  'the same handover gives the history again, another one is refused; a used history opens nothing later',
  inTemp(async (dir) => {
    const { old, heir } = await makeStores(dir);
    const to = await handoverRequest(heir, { model: autobahn });
    const history = await giveOver(old, to);
    const { seq } = history;
    const again = await giveOver(old, to);
    assert.equal({ ...again, time: '' }, { ...history, time: '' });
    assert.is(again.seq, seq);
    await refused(giveOver(old, { ...to, seq: to.seq + 1n }), 'LANESTORE_INVALID', /handed over .* already/);
    await refused(giveOver(old, { store: new Uint8Array(16), seq: 0n }), 'LANESTORE_INVALID', /already/);
    await bring(heir, history);

    // Back: asked after it was closed, and by the store that signs now.
    const back = await handoverRequest(old, { model: autobahn });
    await refused(giveOver(old, back), 'LANESTORE_INVALID', /this very store/);
    const returned = await giveOver(heir, back);
    assert.equal((await bring(old, returned)).opened, ALL);
    assert.is(await verdict(old, timeoutMsg(1, 0, 0)), 'new');
    assert.is(await verdict(heir, timeoutMsg(1, 0, 0)), 'quarantined');
    await refused(bring(heir, history), 'LANESTORE_INVALID', /has closed parts since/);
    const third = await handoverRequest(heir, { model: autobahn });
    await bring(heir, await giveOver(old, third));
    await refused(bring(old, returned), 'LANESTORE_INVALID', /has closed parts since/);
    assert.is(await verdict(old, timeoutMsg(1, 0, 0)), 'quarantined');
  }),
);

test(
  'histories of others are refused; a live one only raises',
  inTemp(async (dir) => {
    const { old, heir } = await makeStores(dir);
    const live = await exportHistory(old, at);
    const to = await handoverRequest(heir, { model: autobahn });
    const final = { ...live, kind: 'final', to } as const;
    for (const [history, text] of [
      [{ ...live, signer: new Uint8Array(32).fill(9) }, /of the key/],
      [{ ...live, network: 'other' }, /of the network other/],
      [{ ...live, model: 'other' }, /of the model other/],
      [{ ...live, logs: new Map([['later', live.logs.get('app')!]]) }, /log later/],
      [{ ...live, logs: new Map([['app', live.logs.get('commit')!]]) }, /positions of 1 numbers/],
      [{ ...final, to: { ...to, store: new Uint8Array(16) } }, /hands over to the store 0{32}/],
      [{ ...final, to: { ...to, seq: to.seq + 1n } }, /an older copy/],
      [{ ...final, to: { ...to, seq: 0n } }, /has closed parts since/],
    ] as const) {
      await refused(bring(heir, history as SigningHistory), 'LANESTORE_INVALID', text);
    }
    assert.is((await votesAt(heir)).quarantine?.parts.length, 4);
    const report = await bring(heir, live);
    assert.equal([report.opened, report.closed, report.raised.includes('commit')], [[], ALL, true]);
    assert.match(report.pending!, /not final/);
    assert.equal((await bring(heir, live)).raised, []);
    const raised = await votesAt(heir);
    assert.equal([raised.logs.get('commit')?.watermark?.at, raised.laneFloors.get(OTHER)], [[1n, 0n], 0n]);
    // Of an older state: nothing falls.
    await bring(heir, { ...live, logs: new Map([['commit', { watermark: undefined, floor: [0n, 0n] }]]) });
    assert.equal((await votesAt(heir)).logs.get('commit')?.watermark?.at, [1n, 0n]);
    // A store that no key is bound to gets it, and stays closed.
    const blank = join(dir, 'blank');
    await (await open(blank)).close();
    assert.equal((await bring(blank, live)).closed, ALL);
    assert.equal((await votesAt(blank)).signer, live.signer);
  }),
);

test(
  'two signatures in one place close the part for good; what was closed before a handover stays closed',
  inTemp(async (dir) => {
    const { old, heir } = await makeStores(dir);
    const copy = join(dir, 'copy');
    await snapshot(old, copy, { model: autobahn });
    const before = await exportHistory(old, at);
    const digest = new Uint8Array(32);
    const other = new Map(before.logs).set('prepare', { watermark: { at: [1n, 0n], digest }, floor: undefined });
    const to = await handoverRequest(copy, { model: autobahn });
    const conflicting = { ...before, logs: other, kind: 'final', to } as const;
    const report = await bring(copy, conflicting);
    assert.equal([report.opened, report.closed], [[], ALL]);
    assert.match((await votesAt(copy)).quarantine!.why, /another signature in the same place/);
    await refused(releaseStore(copy, { model: autobahn, reason: 'r', asIs: true }), 'LANESTORE_INVALID', /last state/);
    // A live one of that kind closes the part in a store that signs.
    const closing = await bring(old, { ...before, logs: other });
    assert.equal(closing.closed, ['rounds']);
    const moved = await giveOver(old, await handoverRequest(heir, { model: autobahn }));
    const brought = await bring(heir, moved);
    assert.equal([brought.opened, brought.closed], [['app', 'lanes', 'own'], ['rounds']]);
    assert.is((await votesAt(heir)).quarantine?.lost, true);
    // Another block of the own lane.
    const fork = { ...before, own: { ...before.own!, hash: digest } };
    assert.ok((await bring(heir, fork)).closed.includes('own'));
  }),
);

test(
  'an older copy of the heir is not opened; nor are two stores by one history',
  inTemp(async (dir) => {
    const { old, heir } = await makeStores(dir);
    const older = join(dir, 'older');
    cpSync(heir, older, { recursive: true });
    await signing(heir, (_, store) => store.persist({ inner: new Uint8Array([7]) }));
    const history = await giveOver(old, await handoverRequest(heir, { model: autobahn }));
    await refused(bring(older, history), 'LANESTORE_INVALID', /an older copy/);
    // A snapshot from before the import: after it, the heir signs on.
    const kept = join(dir, 'kept');
    await snapshot(heir, kept, { model: autobahn });
    await refused(bring(kept, history), 'LANESTORE_INVALID', /has closed parts since/);
    const blank = join(dir, 'blank');
    await (await open(blank)).close();
    await refused(bring(blank, history), 'LANESTORE_INVALID', /hands over to the store/);
    await refused(exportHistory(blank, at), 'LANESTORE_INVALID', /no key is bound/);
    assert.equal((await bring(heir, history)).opened, ALL);
  }),
);

test.run();
