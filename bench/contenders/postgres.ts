/**
 * The store on PostgreSQL: client, primary and standby on one machine, and all files in the
 * directory of the contender, on the same disk as the others.
 */
import { chmodSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { openPostgres } from '../../src/adapter/postgres/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import { isPostgresThere, type PostgresCluster, startPair, startServer } from '../../test/support/postgres/cluster.js';
import type { ContenderKind } from './contender.js';
import { PortContender, type Store } from './port.js';

/** Ends its servers with the store. */
class ServerContender extends PortContender {
  readonly #cluster: PostgresCluster;

  constructor(store: Store, cluster: PostgresCluster) {
    super(store, 'round');
    this.#cluster = cluster;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#cluster.close();
  }
}

/** Lets other users pass through a private directory of the run. */
function reachable(path: string): void {
  if (path !== tmpdir() && statSync(path).uid === 0 && (statSync(path).mode & 0o001) === 0) chmodSync(path, 0o711);
}

function postgresKind(name: string, description: string, replicas: 0 | 1): ContenderKind {
  return {
    name,
    description,
    fullOnly: true,
    isElsewhere: true,
    unavailable: async () => (isPostgresThere ? undefined : 'npm has no PostgreSQL for this platform'),
    async open(dir) {
      // As root the servers run as another user, and the directory of the run is private.
      if (process.getuid?.() === 0) for (const path of [dir, dirname(dir), dirname(dirname(dir))]) reachable(path);
      const { cluster, url } =
        replicas === 0
          ? await startServer({}, dir).then(({ cluster, server: { url } }) => ({ cluster, url }))
          : await startPair(dir).then(({ cluster, primary: { url } }) => ({ cluster, url }));
      try {
        const store = await openPostgres({ connection: url, replicas, singleServer: true, model: autobahn });
        return new ServerContender(store, cluster);
      } catch (error) {
        await cluster.close();
        throw error;
      }
    },
  };
}

export const postgres = postgresKind('postgres', 'the store on a PostgreSQL server', 0);
export const postgresStandby = postgresKind('postgres-standby', 'the same, verified on a synchronous standby', 1);
