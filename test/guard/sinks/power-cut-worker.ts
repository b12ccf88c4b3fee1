/**
 * A node with a sink, while it is stopped at every file operation: gives votes, a vote for a block
 * and own blocks on the store below argv[2], and writes each one that is released to `released`.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileWitness, openGuard, openLevel } from '../../../src/index.js';
import { type PlainBlock, plain, plainBlock, plainLaneVote, plainVote } from '../../support/plain-model.js';

const [dir = ''] = process.argv.slice(2);
const [OWN, ROADS] = ['0a', 2];
const out = openSync(join(dir, 'released'), 'a');

/** Durable before the next operation: what has left is known to the world. */
function released(line: string): void {
  writeSync(out, `${line}\n`);
  fdatasyncSync(out);
}

const store = await openLevel(join(dir, 'store'), { model: plain });
const sinks = [fileWitness(join(dir, 'sink'), { name: 'sink' })];
const key = new Uint8Array(32).fill(0x0a);
const guard = await openGuard({ store, model: plain, key, sinks, network: 'test' });
for (let road = 1; road <= ROADS; road++) {
  await guard.round({ votes: [plainVote('step', [BigInt(road), 0n])], inner: () => new Uint8Array([road]) });
  released(`step ${road}`);
  const number = store.cursors.lanes.get(OWN)?.next ?? 0n;
  const keep = (block: PlainBlock) => store.persist({ blocks: [block] });
  await guard.ownBlock(plainLaneVote('own', plainBlock(OWN, number)), keep);
  released(`own ${number}`);
}
await guard.close();
await store.close();
closeSync(out);
