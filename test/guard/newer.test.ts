/** The guard with the model of the protocol at 73f917bbd, on a store of LevelDB. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openGuard, openLevel } from '../../src/index.js';
import { autobahn, type Msg, messageHash, verifySignature } from '../../src/model/autobahn/73f917bbd/index.js';
import { refused } from '../support/faults.js';
import { makeNewerNetwork } from '../support/newer-network.js';
import { inTemp } from '../support/temp.js';

const test = suite('guard: 73f917bbd');

test(
  'signs each kind once in a place, before and after a restart; another vote there is refused',
  inTemp(async (dir) => {
    const net = makeNewerNetwork({ weights: [1n, 1n, 1n, 1n] });
    const key = new Uint8Array(32).fill(1);
    const store = await openLevel(join(dir, 'store'), { model: autobahn });
    const guard = await openGuard({ store, model: autobahn, key, firstUse: true });
    const vote = net.commitQC(0n).vote;
    const other = { ...vote, globalFirst: vote.globalFirst + 1n };
    const first: Msg[] = [
      { kind: 'prepareVote', value: vote },
      { kind: 'commitVote', value: vote },
    ];
    for (const { msg, sig } of await guard.round({ votes: first })) assert.ok(verifySignature(sig, messageHash(msg)));
    await refused(guard.round({ votes: [{ kind: 'commitVote', value: other }] }), 'LANESTORE_CONFLICT', /commit/);
    await guard.close();
    await store.close();

    const again = await openLevel(join(dir, 'store'), { model: autobahn });
    const next = await openGuard({ store: again, model: autobahn, key });
    await refused(next.round({ votes: [{ kind: 'prepareVote', value: other }] }), 'LANESTORE_CONFLICT', /prepare/);
    // A vote for a state of the application requires that its CommitQC is stored.
    const app: Msg = { kind: 'appVote', value: net.appProposal(0n) };
    await refused(next.round({ votes: [app] }), 'LANESTORE_OUT_OF_SEQUENCE', /needs CommitQC 0/);
    await again.persist({ commitQCs: [net.commitQC(0n)], blocks: [net.block(1, 0n)] });
    await next.round({ votes: [app] });
    const twice: Msg = { kind: 'appVote', value: { ...net.appProposal(0n), appHash: new Uint8Array(32) } };
    const differs = { ...twice, value: { ...twice.value, appHash: new Uint8Array([1]) } } as Msg;
    await refused(next.round({ votes: [differs] }), 'LANESTORE_CONFLICT', /app/);
    await next.close();
    await again.close();
  }),
);

test.run();
