/** Commands for a store in PostgreSQL, as real processes. */
import * as assert from 'uvu/assert';
import { begin, type Result } from '../support/cli.js';
import type { PostgresServer } from '../support/postgres/cluster.js';

/** What the tests of commands on PostgreSQL use. */
export interface PostgresCommands {
  /** The location of a store on the server. */
  at(store: string): string;
  cli(...args: string[]): Promise<Result>;
  /** The output of a command that must end with 0. */
  done(...args: string[]): Promise<string>;
  /** Number of tables that an unfinished import left. */
  tablesLeft(): Promise<number>;
}

/** Commands in `dir`. */
export function commandsOn(server: PostgresServer, dir: string): PostgresCommands {
  const cli = (...args: string[]) => begin(dir, ...args);
  return {
    at: (store) => `${server.url}?store=${store}`,
    cli,
    async done(...args) {
      const result = await cli(...args);
      assert.is(result.status, 0, `${args[0]}: ${result.stderr}`);
      return result.stdout;
    },
    tablesLeft: async () =>
      (await server.sql("select relname from pg_class where relname like '%import%' and relkind = 'r'")).length,
  };
}
