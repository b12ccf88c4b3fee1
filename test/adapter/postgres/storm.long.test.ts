/** Takeovers under load lose nothing and write nothing twice; each weakened fence is caught. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasPostgres, type PostgresServer, startServer } from '../../support/postgres/cluster.js';
import { storm, WEAKENED } from '../../support/postgres/storm.js';

const TAKEOVERS = 10;
/** A weakened fence is caught within so many storms. */
const STORMS_MAX = 8;

function tests(server: PostgresServer, close: () => Promise<void>): void {
  const test = suite('postgres: storms of takeovers');
  let tables = 0;
  const place = () => ({ connection: server.url, replicas: 0, table: `storm_${++tables}` });

  test('the fence holds', async () => {
    const { acknowledged, lost, twice, fenced } = await storm(place(), TAKEOVERS, (sql) => sql);
    assert.equal({ lost, twice, fenced }, { lost: 0, twice: 0, fenced: TAKEOVERS });
    assert.ok(acknowledged >= TAKEOVERS * 3, `${acknowledged} acknowledged`);
  });

  for (const [name, weaken] of Object.entries(WEAKENED)) {
    test(`weakened: ${name}: is caught`, async () => {
      for (let storms = 0; storms < STORMS_MAX; storms++) {
        const { acknowledged, lost, twice } = await storm(place(), TAKEOVERS, weaken);
        assert.ok(acknowledged > 0, 'the weakened statement runs');
        if (lost + twice > 0) return;
      }
      assert.unreachable(`not caught in ${STORMS_MAX} storms`);
    });
  }

  test.after(close);
  test.run();
}

if (hasPostgres()) {
  const { cluster, server } = await startServer();
  tests(server, () => cluster.close());
}
