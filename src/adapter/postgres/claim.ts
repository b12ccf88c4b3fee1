/** Claims a store: raises its epoch, after which no batch of an earlier epoch can commit. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { LanestoreError } from '../../errors.js';
import type { PostgresSettings } from './options.js';
import { assertReplicated } from './replication.js';
import { type Head, readHead } from './server.js';
import type { Session } from './session.js';
import type { Statements } from './statements.js';

/** The result of a claim. Batches carry the epoch, and count up from the seq. */
export interface Claim {
  readonly epoch: bigint;
  readonly seq: bigint;
}

/**
 * Claims the store. The claim is replicated when this resolves. WAL is one sequence, so everything
 * that is read afterwards is replicated, too.
 * @throws LANESTORE_LOCKED if the holder is alive, or another node claimed the store first.
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
 * Returns the head if the store has no holder, or if its head did not change during `leaseMs` by
 * this machine's clock. A live holder raises `seq` four times in that time. @throws
 * LANESTORE_LOCKED.
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
