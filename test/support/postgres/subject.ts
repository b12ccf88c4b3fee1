/** A store on PostgreSQL as a subject of the conformance suite. */
import { openPostgres, PostgresLevel, type PostgresStoreOptions } from '../../../src/adapter/postgres/index.js';
import type { Place, Subject } from '../../../src/conformance/index.js';
import { blockKey, commitQCKey } from '../../../src/keys/index.js';
import type { Types } from '../../conformance/subjects.js';

/** Where a subject's stores are. */
export type Server = Pick<PostgresStoreOptions<unknown, unknown, unknown>, 'connection' | 'replicas' | 'singleServer'>;

let places = 0;

/** Each place is a separate table; each opener makes a separate database object. */
export function postgresSubject<B, Q, A>({ model, make }: Types<B, Q, A>, server: Server): Subject<B, Q, A> {
  const place = (): Place<B, Q, A> => {
    const table = `place_${++places}`;
    const lease = { table, leaseMs: 400 };
    return {
      open: (options) => openPostgres({ ...options, ...server, ...lease, model }),
      destroy: async () => undefined,
      lose: async ({ lane, number }) => {
        const { connection, replicas } = server;
        const db = new PostgresLevel({ connection, replicas, ...lease });
        await db.del(lane === undefined ? commitQCKey(number) : blockKey(lane, number));
        await db.close();
      },
    };
  };
  const features = {
    durable: true,
    atomicRounds: true,
    totalOrder: true,
    remembersEmptyCursors: true,
    exclusive: true,
    skipsLoading: true,
    limits: true,
    planLimits: true,
    votes: true,
    disagreeingAnchors: true,
    lose: true,
  };
  return { model, make, features, place };
}
