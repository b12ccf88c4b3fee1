/**
 * The process of a node: it opens the store, then handles requests. In a view it stores a block and
 * votes. The digest of a vote differs between nodes.
 *
 *   node node.js    (with an IPC channel: {@link Start}, then {@link Ask} in, {@link Reply} out)
 */
import { openPostgres, PostgresFailure, type PostgresStoreOptions } from '../../src/adapter/postgres/index.js';
import { openGuard } from '../../src/guard/index.js';
import { isLanestoreError } from '../../src/index.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainBlock,
  plainVote,
} from '../../test/support/plain-model.js';

const KEY = new Uint8Array(32).fill(0x0a);
const LANE = '0b';

/** The place of the node's store, and how it is opened. */
export type Place = Pick<
  PostgresStoreOptions<PlainBlock, PlainQC, PlainAnchor>,
  'connection' | 'replicas' | 'singleServer' | 'takeOver' | 'table'
>;

/** The first message. */
export interface Start {
  readonly number: number;
  readonly place: Place;
  readonly firstUse: boolean;
}

/** A request: store a block and vote in a view, only vote in it, or close the store. */
export interface Ask {
  readonly what: 'round' | 'vote' | 'close';
  readonly view: bigint;
}

/** A refusal; else the epoch of the claim and the number of blocks that were found at the start. */
export type Reply = { readonly refusal: string } | { readonly epoch: bigint; readonly found: bigint };

/** The short reason of a refusal. */
function refusalOf(error: unknown): string {
  if (!isLanestoreError(error)) return String((error as Error).stack);
  return error.cause instanceof PostgresFailure
    ? `${error.code}, ${error.cause.code}`
    : `${error.code}: ${error.message}`;
}

async function start({ number, place, firstUse }: Start) {
  const store = await openPostgres({ ...place, model: plain, deadlineMs: 3000, leaseMs: 600_000 });
  const guard = await openGuard({ store, model: plain, key: KEY, ...(firstUse ? { firstUse } : {}) });
  const found = BigInt(store.takeRecovered().blocks.get(LANE)?.length ?? 0);
  const { epoch } = store;
  const act = async ({ what, view }: Ask): Promise<void> => {
    if (what === 'round') await store.persist({ blocks: [plainBlock(LANE, view)] });
    if (what === 'close') {
      await guard.close();
      await store.close();
      return;
    }
    await guard.round({ votes: [plainVote('step', [0n, view], { digest: new Uint8Array(32).fill(number) })] });
  };
  return { started: { epoch, found }, act };
}

let act: ((ask: Ask) => Promise<void>) | undefined;
let started = { epoch: 0n, found: 0n };

process.on('message', (message: Start | Ask) => {
  const work = async () => {
    if ('place' in message) ({ started, act } = await start(message));
    else await act?.(message);
    return started;
  };
  work().then(
    (reply) => process.send?.(reply),
    (error: unknown) => process.send?.({ refusal: refusalOf(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
