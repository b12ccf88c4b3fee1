/** Where a migration writes: a directory of any layout, or tables of PostgreSQL. */
import { POSTGRES_CHECKS } from '../adapter/postgres/conversion.js';
import type { PostgresConnection } from '../adapter/postgres/index.js';
import { fields, required } from '../base/options.js';
import type { Model } from '../model/model.js';
import { openFilesSink } from './files-sink.js';
import { AB_ENCODING, type Layout, type OriginalLayout } from './layout.js';
import { openLevelSink } from './level-sink.js';
import { openLevelSource } from './level-source.js';
import { openSource } from './open-source.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import { claimTarget, writeError } from './target.js';
import { openWalSink } from './wal-sink.js';

/** What can be written. */
export type TargetLayout = OriginalLayout | 'level';

/** A store to be made in tables of PostgreSQL. */
export interface PostgresTarget {
  /** The primary, or all servers. */
  readonly connection: PostgresConnection;
  /** Name of the table; neither it nor `<table>_head` may exist. */
  readonly table: string;
  /** As in `openPostgres`. */
  readonly replicas: number;
}

/** The check of a {@link PostgresTarget}. */
export const checkPostgresTarget = fields<PostgresTarget>({
  connection: POSTGRES_CHECKS.connection,
  replicas: POSTGRES_CHECKS.replicas,
  table: required(POSTGRES_CHECKS.table),
});

/** A target that is built beside its place: it is there as a whole, or not at all. */
export interface Place<B, Q, A> {
  /** Its name. */
  readonly target: string;
  /** `votes`: what the source keeps of the votes of its key. */
  sink(votes: Source<B, Q, A>['votes']): Promise<Sink<B, Q, A>>;
  /** Reads what was written. */
  reopen(): Promise<Source<B, Q, A>>;
  /** Moves it into its place. */
  publish(): Promise<void>;
  /** Removes what was not published. */
  abandon(): void | Promise<void>;
}

/** Claims a directory. @throws LANESTORE_IMPORT as `claimTarget`. */
export async function claimDirectory<B, Q, A>(
  to: string,
  layout: TargetLayout,
  model: Model<B, Q, A>,
  segmentBytes: number | undefined,
): Promise<Place<B, Q, A>> {
  const { directory, ...place } = await claimTarget(to);
  const written: { location: string; layout: Layout; evidence: [] } = { location: directory, layout, evidence: [] };
  const open = async (votes: Source<B, Q, A>['votes']): Promise<Sink<B, Q, A>> => {
    if (layout === 'level') return openLevelSink(directory, model, votes);
    if (layout === 'file-per-entry') return openFilesSink(directory);
    const encoding = AB_ENCODING[layout];
    return openWalSink(directory, { encoding, ...(segmentBytes === undefined ? {} : { segmentBytes }) });
  };
  return {
    ...place,
    sink: (votes) =>
      open(votes).catch((error: unknown) => {
        throw writeError(`make ${directory}`, error);
      }),
    reopen: () =>
      layout === 'level' ? openLevelSource(written, model, { examine: false }) : openSource(written, model),
  };
}
