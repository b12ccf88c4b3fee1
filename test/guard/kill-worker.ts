/**
 * A node that forgets its votes: on the store in argv[2] it gives votes with random digests, from
 * below the stored watermarks on, among blocks and CommitQCs. Prints every released vote, and kills
 * itself on request.
 */
import { randomBytes } from 'node:crypto';
import { isLanestoreError, openGuard, openLevel } from '../../src/index.js';
import { type PlainVote, plain, plainBlocks, plainQC, plainVote } from '../support/plain-model.js';

const [location = ''] = process.argv.slice(2);
const store = await openLevel(location, { model: plain });
const guard = await openGuard({ store, model: plain, key: new Uint8Array(32).fill(0x0a), firstUse: true });
const LOGS = ['step', 'view'] as const;
const KINDS = ['floor', 'differs', 'passed', 'excluded'];

async function load(): Promise<void> {
  for (;;) {
    const { lanes, commitQCs } = store.cursors;
    const next = Number(lanes.get('0b')?.next ?? 0n);
    await store.persist({ blocks: plainBlocks('0b', next, next + 3), commitQCs: [plainQC(commitQCs.next)] });
  }
}

async function vote(log: (typeof LOGS)[number]): Promise<void> {
  const at = store.votes?.durable.logs.get(log)?.watermark?.at[0] ?? 2n;
  for (let road = at < 2n ? 0n : at - 2n; ; road++) {
    const before: PlainVote['before'] = log === 'step' ? [['view', [road, 1n]]] : [];
    // The log that skips votes advances faster: then it excludes votes of the other log.
    for (const view of log === 'view' && Math.random() < 0.5 ? [1n] : [0n, 1n, 1n]) {
      const digest = new Uint8Array(randomBytes(32));
      try {
        await guard.round({
          votes: [plainVote(log, [road, view], { digest, before })],
          inner: () => digest,
        });
        process.stdout.write(`${log} ${road} ${view} ${Buffer.from(digest).toString('hex')}\n`);
      } catch (error) {
        const isStopped =
          isLanestoreError(error, 'LANESTORE_CONFLICT') && KINDS.includes(error.findings?.[0]?.kind ?? '');
        if (!isStopped) throw error;
        process.stdout.write('stopped\n');
      }
    }
  }
}

process.stdout.write('begin\n');
await Promise.all([load(), ...LOGS.map(vote)]);
