/** A store on PostgreSQL passes the conformance suite, without a standby; refusals and claims. */
import { suite } from 'uvu';
import { conformance } from '../../../src/conformance/index.js';
import { plainTypes } from '../../conformance/subjects.js';
import { hasPostgres, startServer } from '../../support/postgres/cluster.js';
import { postgresSubject } from '../../support/postgres/subject.js';

if (hasPostgres()) {
  const { cluster, server } = await startServer();
  const test = suite('conformance: postgres');
  conformance({ test, ...postgresSubject(plainTypes, { connection: server.url, replicas: 0, singleServer: true }) });
  test.after(() => cluster.close());
  test.run();
}
