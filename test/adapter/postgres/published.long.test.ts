/** abstract-level's published suite over `PostgresLevel`, sublevels included. */
import { createRequire } from 'node:module';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PostgresLevel } from '../../../src/adapter/postgres/index.js';
import { hasPostgres, startServer } from '../../support/postgres/cluster.js';
import { counted, type TapeSuite, tapeOver } from '../../support/postgres/tape.js';

type Published = (options: { readonly test: TapeSuite; readonly factory: (options?: object) => unknown }) => void;

if (hasPostgres()) {
  const { cluster, server } = await startServer({ max_connections: '2000' });
  const published = createRequire(import.meta.url)('abstract-level/test') as Published;
  const test = suite('abstract-level: published suite over PostgresLevel');
  let tables = 0;
  const opened: PostgresLevel[] = [];
  const factory = (options?: object) => {
    const table = `published_${++tables}`;
    const db = new PostgresLevel({ connection: server.url, replicas: 0, table, snapshots: 100 }, options);
    opened.push(db);
    return db;
  };
  published({ test: tapeOver(test), factory });
  test('all of it ran', () => assert.ok(counted.assertions > 4000, `${counted.assertions} assertions`));
  test.after(async () => {
    // The suite leaves databases open.
    await Promise.all(opened.map((db) => db.close().catch(() => undefined)));
    process.stdout.write(`\n  ${counted.assertions} assertions\n`);
    await cluster.close();
  });
  test.run();
}
