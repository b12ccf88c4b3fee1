/** The SQL of one store. */

/** Version of the tables, in the column `layout`. */
export const LAYOUT = 1;

/** The statements for a table, whose name must be an identifier: it is not quoted. */
export function statements(table: string) {
  const head = `${table}_head`;
  // The fence: if the row has another epoch, it selects nothing, and the rest of the statement
  // writes nothing.
  const fence = `with f as (update ${head} set seq = seq + 1 where id = 1 and epoch = $1
      returning seq, set_config('synchronous_commit', $2, true))`;
  return {
    create: [
      `create table if not exists ${table} (key bytea primary key, value bytea not null)`,
      `create table if not exists ${head} (id int primary key, layout int not null, epoch bigint not null,
        seq bigint not null, holder text, since timestamptz)`,
      `insert into ${head} (id, layout, epoch, seq) values (1, ${LAYOUT}, 0, 0) on conflict (id) do nothing`,
    ],
    /**
     * Sent separately, because other engines lack these settings. They only keep the tables small.
     */
    tune: [
      `alter table ${table} set (fillfactor = 85, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)`,
      `alter table ${table} alter column value set storage external`,
      `alter table ${head} set (fillfactor = 10)`,
    ],
    tables: `select c.relname as name, c.relnamespace::text as schema, c.relkind as kind, c.relpersistence as persistence,
        (select string_agg(a.attname || ' ' || format_type(a.atttypid, null), ', ' order by a.attnum)
          from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
        exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal) as triggers,
        (select string_agg(a.attname, ', ') from pg_index i join pg_attribute a
          on a.attrelid = c.oid and a.attnum = any(i.indkey) where i.indrelid = c.oid and i.indisprimary) as primary
      from pg_class c where c.oid in (to_regclass('${table}'), to_regclass('${head}'))`,
    server: `select pg_is_in_recovery() as standby, current_setting('fsync') as fsync,
        current_setting('full_page_writes') as pages`,
    stats: `select pg_has_role(current_user, 'pg_read_all_stats', 'usage') as allowed`,
    standbys: `select count(*)::int as standbys from pg_stat_replication
      where state = 'streaming' and sync_state in ('sync', 'quorum')`,
    head: `select layout, epoch, seq, holder, since from ${head} where id = 1`,
    /** With $4 true, claims even if epoch or seq of the row have changed. */
    claim: `update ${head} set epoch = epoch + 1, seq = seq + 1, holder = $1, since = now()
      where id = 1 and ($4::boolean or (epoch = $2 and seq = $3))
      returning epoch, seq, set_config('synchronous_commit', $5, true)`,
    leave: `update ${head} set holder = null, seq = seq + 1 where id = 1 and epoch = $1`,
    /**
     * Deletes and puts join the fence. A key must occur only once, because both see the table as it
     * was before the statement.
     */
    batch: `${fence},
      d as (delete from ${table} using f where key = any($5::bytea[])),
      p as (insert into ${table} (key, value) select u.k, u.v from f, unnest($3::bytea[], $4::bytea[]) u(k, v)
        on conflict (key) do update set value = excluded.value)
      select seq from f`,
    beat: `${fence} select seq from f`,
    /** What is flushed on the primary, and how many synchronous standbys have flushed as much. */
    flushed: `with l as materialized (select pg_current_wal_flush_lsn() l)
      select l.l::text as lsn, (select count(*) from pg_stat_replication where state = 'streaming'
        and sync_state in ('sync', 'quorum') and flush_lsn >= l.l)::int as standbys from l`,
    flushedTo: `select count(*)::int as standbys from pg_stat_replication where state = 'streaming'
      and sync_state in ('sync', 'quorum') and flush_lsn >= $1::pg_lsn`,
    get: `select key, value from ${table} where key = any($1::bytea[])`,
    page: (columns: string, where: string, order: string) =>
      `select ${columns} from ${table}${where === '' ? '' : ` where ${where}`} order by key ${order} limit `,
  };
}

/** The statements for one table. */
export type Statements = ReturnType<typeof statements>;
