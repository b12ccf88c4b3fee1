/** Errors of batches that were not acknowledged, and coded errors for those of PostgreSQL. */
import { LanestoreError } from '../../errors.js';

/**
 * What happened to a batch. FENCED: another node claimed the store, and nothing of the batch was
 * written. NOT_REPLICATED: the batch is on the primary, but not known to be on enough standbys.
 * UNKNOWN_OUTCOME: the batch may have been written or not.
 */
export type PostgresFailureCode = 'FENCED' | 'NOT_REPLICATED' | 'UNKNOWN_OUTCOME';

/**
 * The `cause` of LANESTORE_FAILED if a batch was not acknowledged; the batch is never sent again.
 */
export class PostgresFailure extends Error {
  override readonly name = 'PostgresFailure';
  readonly code: PostgresFailureCode;

  constructor(code: PostgresFailureCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The SQLSTATE of an error; undefined for a failure of the connection. */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}

/** Pages or indexes that PostgreSQL cannot read. */
const DAMAGE = ['XX001', 'XX002'];
const RIGHTS = '42501';
const LOCK_TIMEOUT = '55P03';

/** The error of a batch whose statement was rejected, or whose connection ended. */
export function batchError(error: unknown): Error {
  if (error instanceof PostgresFailure || error instanceof LanestoreError) return error;
  const state = sqlState(error);
  if (state === undefined || state.startsWith('57P') || state === '40003') {
    const reason = (error as Error).message;
    return new PostgresFailure('UNKNOWN_OUTCOME', `no answer to a batch, it may be stored or not: ${reason}`, error);
  }
  return DAMAGE.includes(state) ? damaged(error) : (error as Error);
}

/** The coded error of an opening or a read that failed. */
export function coded(what: string, error: unknown): LanestoreError {
  if (error instanceof LanestoreError) return error;
  const state = sqlState(error);
  const { message } = error as Error;
  if (state !== undefined && DAMAGE.includes(state)) return damaged(error);
  if (state === LOCK_TIMEOUT) {
    return new LanestoreError(
      'LANESTORE_LOCKED',
      `${what}: another node's batch waits for its standbys and locks the store (55P03)`,
      { cause: error, remedy: 'wait until the standby streams again, or promote it and stop the old primary' },
    );
  }
  const remedy =
    state === RIGHTS
      ? 'grant the role select, insert, update and delete on both tables, create on the schema to make them, and pg_read_all_stats'
      : 'see `cause`: the address, the server, the role and its password; then open again';
  return new LanestoreError('LANESTORE_IO', `${what}: ${message}`, { cause: error, remedy });
}

function damaged(error: unknown): LanestoreError {
  const detail = (error as Error).message;
  return new LanestoreError('LANESTORE_CORRUPT', `PostgreSQL found damage: ${detail}`, {
    cause: error,
    findings: [{ kind: 'postgres', detail }],
    remedy: 'do not vote from it; promote a standby that has every acknowledged batch, or restore from peers',
  });
}
