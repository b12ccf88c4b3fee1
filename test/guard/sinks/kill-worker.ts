/**
 * A node with sinks that forgets what it voted: votes with random digests from below where its
 * store says that it was, on the store in argv[2], with the sinks in argv[3] (JSON). Prints every
 * vote and own block that is released, and dies when it is told to.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import {
  fileWitness,
  type Guard,
  httpWitness,
  isLanestoreError,
  openGuard,
  openLevel,
  type WitnessSink,
} from '../../../src/index.js';
import { type PlainBlock, plain, plainBlock, plainLaneVote, plainQC, plainVote } from '../../support/plain-model.js';

/** Where sinks are, by name; without a place it cannot be reached. */
type Places = readonly {
  readonly name: string;
  readonly path?: string;
  readonly url?: string;
  readonly token?: string;
}[];

const [location = '', places = '[]'] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

export function sinksAt(list: Places): WitnessSink[] {
  return list.map(({ name, path, url, token = '' }) =>
    url === undefined ? fileWitness(path ?? '/dev/null/none', { name }) : httpWitness({ name, url, token }),
  );
}

const OWN = '0a';
const STOPPED = ['LANESTORE_CONFLICT', 'LANESTORE_OUT_OF_SEQUENCE', 'LANESTORE_IO'] as const;

const store = await openLevel(location, { model: plain });
const options = { sinks: sinksAt(JSON.parse(places)), network: 'test', sinkMsMax: 5_000 };
let guard: Guard<unknown, PlainBlock, unknown>;
try {
  const key = new Uint8Array(32).fill(0x0a);
  guard = (await openGuard({ store, model: plain as never, key, firstUse: true, ...options })) as never;
} catch (error) {
  say(isLanestoreError(error) ? error.code : String(error));
  process.exit(0);
}
if (guard.quarantine !== undefined) {
  say('LANESTORE_QUARANTINED');
  process.exit(0);
}
say('begin');

async function stopped(work: () => Promise<void>): Promise<void> {
  await turn();
  try {
    await work();
  } catch (error) {
    if (!STOPPED.some((code) => isLanestoreError(error, code))) throw error;
  }
}

async function load(): Promise<void> {
  for (;;) await store.persist({ commitQCs: [plainQC(store.cursors.commitQCs.next)] });
}

async function vote(): Promise<void> {
  const at = store.votes?.durable.logs.get('step')?.watermark?.at[0] ?? 2n;
  for (let road = at < 2n ? 0n : at - 2n; ; road++) {
    const digest = new Uint8Array(randomBytes(32));
    await stopped(async () => {
      await guard.round({ votes: [plainVote('step', [road, 0n], { digest })], inner: () => digest });
      say(`step ${road} ${Buffer.from(digest).toString('hex')}`);
    });
  }
}

async function blocks(): Promise<void> {
  for (;;) {
    const number = store.cursors.lanes.get(OWN)?.next ?? 0n;
    const floor = store.votes?.durable.laneFloors.get(OWN) ?? -1n;
    // Blocks of a life that is lost: no one has them, so the lane is at its end.
    if (number <= floor) return;
    const text = randomBytes(8).toString('hex');
    await stopped(async () => {
      const keep = (block: PlainBlock) => store.persist({ blocks: [block] });
      await guard.ownBlock(plainLaneVote('own', plainBlock(OWN, number, text)), keep);
      say(`own ${number} ${text}`);
    });
  }
}

await Promise.all([load(), vote(), blocks()]);
