/**
 * Takeovers under load on the level of batches: two nodes write numbered rows, each from where it
 * found the table. Parts can be weakened, to show that the storm sees what it must.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { claim } from '../../../src/adapter/postgres/claim.js';
import { FencedWriter, pack } from '../../../src/adapter/postgres/fenced-writer.js';
import { type PostgresOptions, settingsOf } from '../../../src/adapter/postgres/options.js';
import { checkTables } from '../../../src/adapter/postgres/server.js';
import { Session } from '../../../src/adapter/postgres/session.js';
import { type Statements, statements } from '../../../src/adapter/postgres/statements.js';

/** What a storm came to. */
export interface StormResult {
  readonly acknowledged: number;
  /** Acknowledged rows that are gone, or that another node wrote over. */
  readonly lost: number;
  /** Rows that two nodes had acknowledged. */
  readonly twice: number;
  readonly fenced: number;
}

/** Changes the statements of a store; the identity weakens nothing. */
export type Weaken = (sql: Statements) => Statements;

const BATCHES_BETWEEN = 3;
const DELAY_MS_MAX = 20;

/** Runs `takeovers` takeovers, every old node going on until a write fails. */
export async function storm(options: PostgresOptions, takeovers: number, weaken: Weaken): Promise<StormResult> {
  const settings = settingsOf({ ...options, takeOver: true });
  const sql = weaken(statements(settings.table));
  const [server = ''] = settings.servers;
  const reader = await Session.connect(server, settings.deadlineMs);
  await checkTables(reader, settings, sql);
  const owner = new Map<number, number>();
  let twice = 0;
  let fenced = 0;
  let isOver = false;
  const node = async (number: number) => {
    const session = await Session.connect(server, settings.deadlineMs);
    const writer = new FencedWriter(session, await claim(session, settings, sql), settings, sql);
    const [row] = await session.query({ text: `select count(*)::int as rows from ${settings.table}` });
    let next = row?.rows as number;
    let written = 0;
    let isFenced = false;
    const loading = (async () => {
      while (!isOver) {
        // As on a network: a batch of an old node may arrive after the first one of the new node.
        await sleep(Math.random() * DELAY_MS_MAX);
        await writer.write(pack([{ key: keyOf(next), value: keyOf(number) }]));
        if (owner.has(next)) twice++;
        owner.set(next, number);
        next++;
        written++;
      }
    })().catch(() => {
      fenced++;
      isFenced = true;
    });
    return { writer, loading, isReady: () => isFenced || written >= BATCHES_BETWEEN };
  };
  const nodes = [await node(0)];
  for (let number = 1; number <= takeovers; number++) {
    const until = performance.now() + 10_000;
    while (nodes.at(-1)?.isReady() !== true && performance.now() < until) await sleep(1);
    nodes.push(await node(number));
  }
  await sleep(10 * DELAY_MS_MAX);
  isOver = true;
  await Promise.all(nodes.map(({ loading }) => loading));
  await Promise.all(nodes.map(({ writer }) => writer.close()));
  const rows = await reader.query({ text: `select key, value from ${settings.table}` });
  const values = new Map(
    rows.map(({ key, value }) => [(key as Buffer).readUInt32BE(), (value as Buffer).readUInt32BE()]),
  );
  const lost = [...owner].filter(([row, number]) => values.get(row) !== number).length;
  await reader.close();
  return { acknowledged: owner.size, lost, twice, fenced };
}

function keyOf(row: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32BE(row);
  return key;
}

const FENCED = /update (\S+) set seq = seq \+ 1 where id = 1 and epoch = \$1\s+returning seq,/;

/** With a seq that each session counts by itself, the client notices nothing. */
const blind: Weaken = (sql) => ({
  ...sql,
  claim: sql.claim.replace('epoch, seq,', "epoch, set_config('storm.seq', seq::text, false) as seq,"),
  batch: sql.batch.replace(
    /select seq from f$/,
    "select set_config('storm.seq', (current_setting('storm.seq')::bigint + 1)::text, false) as seq from f",
  ),
});

/** The fence, weakened in the ways that are easily taken for one. */
export const WEAKENED: Readonly<Record<string, Weaken>> = {
  'no fence': (sql) => {
    const weak = blind(sql);
    return { ...weak, batch: weak.batch.replace('and epoch = $1', 'and $1::bigint > 0') };
  },
  'only seq is compared': (sql) => ({ ...sql, batch: sql.batch.replace('and epoch = $1', 'and $1::bigint > 0') }),
  'the epoch is selected, not updated': (sql) => {
    const weak = blind(sql);
    const selected = (_: string, head: string) => `select pg_sleep(0.02), 1 as seq, set_config('storm.sync', $2, true)
      from ${head} where id = 1 and epoch = $1), g as (select`;
    return { ...weak, batch: weak.batch.replace(FENCED, selected) };
  },
  'puts and deletes do not join the fence': (sql) => ({
    ...sql,
    batch: sql.batch.replace(' from f, unnest', ' from unnest').replace('using f where', 'where'),
  }),
};
