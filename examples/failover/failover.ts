/**
 * Nodes with the same key, each in its own process, use a primary and a synchronous standby. The
 * primary is killed, and node 2 takes over. Node 1 is killed and restarted on the old primary. Then
 * node 2 is paused, and node 3 takes over on the same server.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type PostgresServer, startPair } from '../../test/support/postgres/cluster.js';
import type { Ask, Place, Reply, Start } from './node.js';

const NODE = fileURLToPath(new URL('./node.js', import.meta.url));
const TABLE = 'validator';
const ROUNDS = 30n;

/** Prints a line of the report. */
export type Tell = (text: string, kind?: 'step' | 'good' | 'bad') => void;

/** The result of a run. */
export interface Outcome {
  readonly acknowledged: bigint;
  /** Acknowledged rounds that the second node did not find. */
  readonly lost: bigint;
  /** Number of views in which two nodes signed different votes. */
  readonly twice: number;
}

/** A node refused a request; the message is the reason. */
class Refused extends Error {}

/** A node in a separate process. */
class Node {
  static readonly #all: Node[] = [];
  /** Views for which the process released a signature. */
  readonly signed = new Set<bigint>();
  epoch = 0n;
  /** Number of blocks that it found in the store. */
  found = 0n;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor() {
    this.#process = fork(NODE, [], { serialization: 'advanced' });
    this.#ended = once(this.#process, 'exit');
    Node.#all.push(this);
  }

  /** Kills every process, including paused ones. */
  static async killAll(): Promise<void> {
    await Promise.all(Node.#all.splice(0).map((node) => node.kill()));
  }

  /** @throws Refused if the node cannot open its store; its process has then ended. */
  static async start(number: number, place: Place, firstUse = false): Promise<Node> {
    const node = new Node();
    try {
      const start: Start = { number, place: { ...place, table: TABLE }, firstUse };
      const { epoch, found } = await node.#send(start);
      return Object.assign(node, { epoch, found });
    } catch (error) {
      await node.kill();
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Stores a block and votes; resolves once the signature is released. @throws Refused. */
  async round(view: bigint): Promise<void> {
    await this.#send({ what: 'round', view });
    this.signed.add(view);
  }

  /** Votes. @throws Refused. */
  async vote(view: bigint): Promise<void> {
    await this.#send({ what: 'vote', view });
    this.signed.add(view);
  }

  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }

  async close(): Promise<void> {
    await this.#send({ what: 'close', view: 0n }).catch(() => undefined);
    await this.kill();
  }

  async #send(message: Start | Ask): Promise<{ readonly epoch: bigint; readonly found: bigint }> {
    const answered = once(this.#process, 'message') as Promise<[Reply]>;
    this.#process.send(message);
    const [reply] = await Promise.race([answered, this.#ended.then((): [Reply] => [{ refusal: 'it ended' }])]);
    if ('refusal' in reply) throw new Refused(reply.refusal);
    return reply;
  }
}

/** The reason of the refusal; undefined if the work succeeded. */
async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Refused) return error.message;
      throw error;
    },
  );
}

async function attempt(tell: Tell, what: string, work: Promise<unknown>): Promise<boolean> {
  const refusal = await refusalOf(work);
  if (refusal === undefined) tell(`${what}: done`, 'bad');
  else tell(`${what}: refused (${refusal})`, 'good');
  return refusal === undefined;
}

/**
 * Runs all steps. `isWeakened`: without the checks that prevent damage. Leaves no files or
 * processes.
 */
export async function failover(tell: Tell, isWeakened: boolean): Promise<Outcome> {
  tell('A primary and a synchronous standby, as real servers', 'step');
  const { cluster, primary, standby } = await startPair();
  try {
    return await story(tell, isWeakened, primary, standby);
  } finally {
    await Node.killAll();
    await cluster.close();
  }
}

async function story(
  tell: Tell,
  isWeakened: boolean,
  primary: PostgresServer,
  standby: PostgresServer,
): Promise<Outcome> {
  tell(`primary: pid ${primary.pid}, port ${primary.port}; standby: pid ${standby.pid}, port ${standby.port}`);

  tell('Node 1 runs; the primary is killed with SIGKILL', 'step');
  const servers = [primary.url, standby.url];
  const first = await Node.start(1, { connection: servers, replicas: 1 }, true);
  tell(`node 1, pid ${first.pid}, claimed the store: epoch ${first.epoch}`);
  let acknowledged = 0n;
  const running = (async () => {
    for (let view = 0n; ; view++) {
      await first.round(view);
      acknowledged = view + 1n;
    }
  })();
  running.catch(() => undefined);
  while (acknowledged < ROUNDS) await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 5))]);
  const { pid } = primary;
  await primary.stop('SIGKILL');
  tell(
    `pid ${pid} has ended; node 1 had ${acknowledged} rounds acknowledged; ` +
      `its next round fails: ${await refusalOf(running)}`,
  );

  tell('The standby is promoted, and node 2 takes over', 'step');
  await standby.sql('select pg_promote()');
  const second = await Node.start(2, { connection: servers, replicas: 0, singleServer: true, takeOver: true });
  const lost = second.found < acknowledged ? acknowledged - second.found : 0n;
  tell(
    `node 2, pid ${second.pid}, claimed it: epoch ${second.epoch}; ` +
      `of ${acknowledged} acknowledged rounds it found ${acknowledged - lost}`,
    lost === 0n ? 'good' : 'bad',
  );
  await attempt(
    tell,
    `node 2 votes differently in view ${acknowledged - 1n}, in which node 1 signed`,
    second.vote(acknowledged - 1n),
  );
  // The block of a round that node 1 did not release may be stored.
  const view = second.found;
  await second.round(view);
  tell(`node 2 stores and signs from view ${view} on`);

  tell('Node 1 and the old primary come back', 'step');
  await attempt(tell, 'node 1, which never stopped, signs', first.vote(view));
  await first.kill();
  tell(`node 1, pid ${first.pid}, is killed with SIGKILL, and the old primary is started`);
  await primary.start();
  const old = isWeakened ? { replicas: 0, singleServer: true } : { replicas: 1 };
  if (isWeakened) {
    tell('weakened: the manager empties synchronous_standby_names there, and node 1 counts no standbys');
    await primary.sql("alter system set synchronous_standby_names = ''");
    await primary.sql('select pg_reload_conf()');
  }
  const revived: Node[] = [];
  const isBack = await attempt(
    tell,
    'node 1 opens its store on the old primary',
    Node.start(1, { connection: primary.url, ...old, takeOver: true }).then((node) => revived.push(node)),
  );
  const again = revived[0];
  if (isBack && again !== undefined)
    await attempt(tell, `node 1 signs in view ${view}, as node 2 did`, again.vote(view));
  await again?.close();
  await attempt(
    tell,
    'a node that knows both servers opens the store',
    Node.start(9, { connection: servers, replicas: 0 }),
  );

  tell('Node 2 is paused, and node 3 takes over', 'step');
  second.pause();
  tell(`node 2, pid ${second.pid}, is stopped with SIGSTOP`);
  const [before] = await standby.sql(`select seq from ${TABLE}_head`);
  const third = await Node.start(3, { connection: standby.url, replicas: 0, singleServer: true, takeOver: true });
  tell(`node 3 claimed it: epoch ${third.epoch}`);
  await third.vote(view + 5n);
  if (isWeakened) {
    tell('weakened: the row of the fence is reset, as if no claim had raised the epoch');
    await standby.sql(`update ${TABLE}_head set epoch = ${second.epoch}, seq = ${String(before?.seq)}`);
  }
  second.resume();
  await attempt(
    tell,
    `node 2 continues (SIGCONT), and signs in view ${view + 5n}, as node 3 did`,
    second.vote(view + 5n),
  );
  await Promise.all([second.close(), third.close()]);

  const twice = [
    ...[...(again?.signed ?? [])].filter((signed) => second.signed.has(signed)),
    ...[...second.signed].filter((signed) => third.signed.has(signed)),
  ].length;
  return { acknowledged, lost, twice };
}
