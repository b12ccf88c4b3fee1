/** A store on real PostgreSQL servers, and weakened engines, each of which an attack must find. */
import { ATTACKS, type Attack, Loss, Unexpected, WEAKENED_ATTACKS } from '../../support/postgres/attacks.js';
import { whyNoPostgres } from '../../support/postgres/cluster.js';
import { PostgresPair } from '../../support/postgres/pair.js';
import { type Row, Wrong } from '../row.js';

type Named = readonly (readonly [name: string, attack: Attack])[];

/** Repetitions of each attack in the full campaign. */
const REPEATS = 20;

const common = {
  // One pair of servers for all cases.
  alone: true,
  unable: whyNoPostgres,
  prepare: () => PostgresPair.start(),
  dispose: (pair: PostgresPair) => pair.close(),
};

/** Runs case `i`. A pair that an attack may have left broken is replaced. */
async function attack(named: Named, pair: PostgresPair, i: number): Promise<string> {
  const [name, run] = named[i % named.length] as Named[number];
  try {
    await run(pair);
    return name;
  } catch (error) {
    await pair.restart();
    throw error;
  }
}

export const postgres: Row<PostgresPair> = {
  ...common,
  name: 'postgres',
  fault:
    'PostgreSQL: takeovers, cut connections, cancelled waits, emptied standby names, held snapshots, claims against a lock, a primary restarted in a wait, failovers',
  mustHold: '0 acknowledged lost or written by two; each ends as docs/postgres.md says',
  counts: { full: REPEATS * ATTACKS.length, short: ATTACKS.length },
  run: (pair, i) =>
    attack(ATTACKS, pair, i).catch((error: unknown) => {
      if (error instanceof Loss) throw new Wrong('silent', error.message);
      if (error instanceof Unexpected) throw new Wrong('wrong', error.message);
      throw error;
    }),
};

export const postgresWeakened: Row<PostgresPair> = {
  ...common,
  name: 'postgres-weakened',
  fault: 'the same on weakened engines: fence, verification, notices, barrier, retries',
  mustHold: 'each is found',
  counts: { full: 'all', short: 'all' },
  count: () => WEAKENED_ATTACKS.length,
  run: async (pair, i) => {
    const missed = await attack(WEAKENED_ATTACKS, pair, i).catch((error: unknown) => {
      if (error instanceof Loss) return undefined;
      throw error;
    });
    if (missed !== undefined) throw new Wrong('silent', `not found: ${missed}`);
    return `found: ${WEAKENED_ATTACKS[i]?.[0]}`;
  },
};
