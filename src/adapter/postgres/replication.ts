/**
 * Verifies replication from the client. If `synchronous_standby_names` is emptied, or a wait is
 * cancelled, the server reports success although no standby has the batch.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { meter } from '../../metrics/channel.js';
import { PostgresFailure } from './failure.js';
import type { PostgresSettings } from './options.js';
import type { Session } from './session.js';
import type { Statements } from './statements.js';

const POLL_MS = 5;

/** What {@link replicated} needs of the settings. */
type Wanted = Pick<PostgresSettings, 'replicas' | 'deadlineMs' | 'table'>;

/**
 * Waits until `replicas` synchronous standbys have flushed everything that the primary has flushed.
 * If the query is sent directly after a batch, its answer includes the batch's commit.
 * @throws PostgresFailure NOT_REPLICATED after the deadline.
 */
export async function replicated(
  session: Session,
  { replicas, deadlineMs, table }: Wanted,
  sql: Statements,
): Promise<void> {
  if (replicas === 0) return;
  const begun = performance.now();
  const [first] = await session.query({ text: sql.flushed, name: 'lanestore_flushed' });
  let standbys = (first?.standbys as number | undefined) ?? 0;
  while (standbys < replicas) {
    if (performance.now() - begun > deadlineMs) {
      const message = `${standbys} of ${replicas} standbys have flushed a batch after ${deadlineMs} ms`;
      throw new PostgresFailure('NOT_REPLICATED', message);
    }
    await sleep(POLL_MS);
    const [row] = await session.query({ text: sql.flushedTo, values: [first?.lsn], name: 'lanestore_flushed_to' });
    standbys = (row?.standbys as number | undefined) ?? 0;
  }
  meter(table, 'lanestore_replication_seconds', (performance.now() - begun) / 1000);
}

/** As {@link replicated}; also throws after a notice, which says that the server did not wait. */
export async function assertReplicated(session: Session, wanted: Wanted, sql: Statements): Promise<void> {
  await replicated(session, wanted, sql);
  assertQuiet(session);
}

/** @throws PostgresFailure NOT_REPLICATED if the server warned, or announced its shutdown. */
export function assertQuiet(session: Session): void {
  const notice = session.takeNotice();
  if (notice !== undefined) throw new PostgresFailure('NOT_REPLICATED', `the server warned: ${notice}`);
}
