/** Takeovers under load lose nothing and write nothing twice; each weakened fence is caught. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Claim, claim } from '../../../src/adapter/postgres/claim.js';
import type { PostgresFailure } from '../../../src/adapter/postgres/failure.js';
import { FencedWriter, pack } from '../../../src/adapter/postgres/fenced-writer.js';
import { settingsOf } from '../../../src/adapter/postgres/options.js';
import { checkTables } from '../../../src/adapter/postgres/server.js';
import { Session } from '../../../src/adapter/postgres/session.js';
import { statements } from '../../../src/adapter/postgres/statements.js';
import { hasPostgres, type PostgresServer, startServer } from '../../support/postgres/cluster.js';
import { storm, WEAKENED } from '../../support/postgres/storm.js';

const TAKEOVERS = 10;
/** A weakened fence is caught within so many storms. */
const STORMS_MAX = 20;

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

  for (const isRetried of [false, true]) {
    const what = isRetried
      ? 'weakened: a batch of unknown outcome is sent again: is caught'
      : 'an unknown outcome is final';
    test(what, async () => {
      const settings = settingsOf(place());
      const sql = statements(settings.table);
      const key = Buffer.from('row');
      const start = async (claimed?: Claim) => {
        const session = await Session.connect(server.url, settings.deadlineMs);
        await checkTables(session, settings, sql);
        const held = claimed ?? (await claim(session, { ...settings, takeOver: true }, sql));
        return { session, writer: new FencedWriter(session, held, settings, sql) };
      };
      const old = await start();
      old.session.destroy();
      const batch = pack([{ key, value: Buffer.from('old') }]);
      const codeOf = (error: PostgresFailure) => error.code;
      assert.is(await old.writer.write(batch).catch(codeOf), 'UNKNOWN_OUTCOME');
      const next = await start();
      await next.writer.write(pack([{ key, value: Buffer.from('new') }]));
      const [head] = await server.sql(`select epoch, seq from ${settings.table}_head`);
      const claimed = { epoch: BigInt(String(head?.epoch)), seq: BigInt(String(head?.seq)) };
      const again = isRetried ? await start(claimed) : old;
      const outcome = await again.writer.write(batch).then(() => 'acknowledged', codeOf);
      assert.is(outcome, isRetried ? 'acknowledged' : 'UNKNOWN_OUTCOME');
      const [row] = await server.sql(`select value from ${settings.table}`);
      const isLost = String(row?.value) !== 'new';
      assert.is(isLost, isRetried, 'the acknowledged row of the new node is gone exactly if the batch was sent again');
      await Promise.all([old, next, again].map(({ writer }) => writer.close()));
    });
  }

  test.after(close);
  test.run();
}

if (hasPostgres()) {
  const { cluster, server } = await startServer();
  tests(server, () => cluster.close());
}
