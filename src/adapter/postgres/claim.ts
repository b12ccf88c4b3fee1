/** Claims a store: raises its epoch, after which no batch of an earlier epoch can commit. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { LanestoreError } from '../../errors.js';
import type { PostgresSettings } from './options.js';
import { assertReplicated } from './replication.js';
import { type Head, readHead } from './server.js';
import type { Session } from './session.js';
import type { Statements } from './statements.js';

/** What a claim gives: batches carry the epoch, and continue the seq. */
export interface Claim {
  readonly epoch: bigint;
  readonly seq: bigint;
}

/**
 * The claim is replicated when it resolves. WAL is one sequence, so everything that is read
 * afterwards is replicated too.
 * @throws LANESTORE_LOCKED if the holder lives, or another node claimed first.
 */
export async function claim(session: Session, settings: PostgresSettings, sql: Statements): Promise<Claim> {
  const { takeOver, durability } = settings;
  const seen = takeOver ? await readHead(session, sql) : await unheld(session, settings, sql);
  session.takeNotice();
  const values = [`${hostname()} pid ${process.pid}`, seen.epoch, seen.seq, takeOver, durability];
  const [row] = await session.query({ text: sql.claim, values });
  if (row === undefined) throw locked(await readHead(session, sql), 'another node claimed it first');
  await assertReplicated(session, settings, sql);
  return { epoch: BigInt(row.epoch as string), seq: BigInt(row.seq as string) };
}

/**
 * Waits up to `leaseMs` by this machine's clock: a holder that lives moves `seq` four times as
 * often.
 */
async function unheld(session: Session, { leaseMs }: PostgresSettings, sql: Statements): Promise<Head> {
  const first = await readHead(session, sql);
  if (first.holder === undefined) return first;
  const until = performance.now() + leaseMs;
  while (performance.now() < until) {
    await sleep(leaseMs / 8);
    const head = await readHead(session, sql);
    if (head.epoch !== first.epoch || head.seq !== first.seq) throw locked(head, 'its holder is alive');
  }
  return first;
}

function locked({ epoch, holder, since }: Head, why: string): LanestoreError {
  const claimed = `epoch ${epoch}, since ${since?.toISOString() ?? 'an unknown time'}`;
  return new LanestoreError('LANESTORE_LOCKED', `the store is held by ${holder ?? 'no node'} (${claimed}): ${why}`, {
    remedy: 'stop the other node; `takeOver: true` claims the store all the same, and the other node can write no more',
  });
}
