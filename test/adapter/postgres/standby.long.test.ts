/**
 * A primary and a synchronous standby: conformance. The rows `postgres` and `postgres-weakened` of
 * the campaign attack such a pair.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PostgresLevel } from '../../../src/adapter/postgres/index.js';
import { conformance } from '../../../src/conformance/index.js';
import { plainTypes } from '../../conformance/subjects.js';
import { metricsDuring } from '../../support/metric-samples.js';
import { hasPostgres, startPair } from '../../support/postgres/cluster.js';
import { postgresSubject } from '../../support/postgres/subject.js';

if (hasPostgres()) {
  const { cluster, primary } = await startPair();
  const test = suite('postgres: a synchronous standby');
  conformance({ test, ...postgresSubject(plainTypes, { connection: primary.url, replicas: 1 }) });

  test('the time until a standby has flushed a batch is measured', async () => {
    const seen = await metricsDuring(async () => {
      const db = new PostgresLevel({ connection: primary.url, table: 'measured', replicas: 1 });
      await db.put('a', 'b');
      await db.close();
    });
    assert.ok((seen.get('lanestore_replication_seconds') ?? []).some((seconds) => seconds > 0));
  });

  test.after(() => cluster.close());
  test.run();
}
