/** A store on PostgreSQL: replicated, and fenced against a second node. Needs the package `pg`. */
export { PostgresFailure, type PostgresFailureCode } from './failure.js';
export { type PostgresLocationOptions, postgresLocation } from './location.js';
export { openPostgres, PostgresStore } from './open.js';
export type { PostgresAddress, PostgresConnection, PostgresOptions, PostgresStoreOptions } from './options.js';
export { PostgresLevel } from './postgres-level.js';
export {
  openPostgresView,
  type PostgresViewOptions,
  type VerifyPostgresOptions,
  verifyPostgres,
} from './view.js';
