/**
 * The witness sinks of a run: a directory and two witness servers, which all nodes share. Each node
 * has its own connection to each sink, so that one node can be cut off. Sinks fail one at a time: a
 * server is killed or loses its directory, calls are slow, or a sink is cut off from all nodes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SinkPlace } from './messages.js';
import { LANESTORE } from './operator.js';

/** How a sink fails. */
export type SinkFailure = 'killed' | 'slow' | 'cut off' | 'forgets';

const TOKEN = 'a-token-of-the-devnet';
const DIRECTORY = 'directory';
const SERVERS = ['server-1', 'server-2'] as const;
type ServerName = (typeof SERVERS)[number];
/** The only sink that loses its data: a majority must keep it. */
const FORGETFUL = 'server-2';

/** Mean milliseconds of a failure, and from the end of one to the start of the next. */
const FAILURE_MS = 600;
const CALM_MS = 900;
/** Upper bound of the delay of each packet to a slow server. */
const SLOW_MS_MAX = 150;

/** The connection from a node to a witness server, which can fail. */
class Door {
  state: 'open' | 'slow' | 'shut' = 'open';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @param portOf the port of the server, 0 while it is down */
  constructor(portOf: () => number) {
    this.#server = createServer((socket) => {
      this.#keep(socket);
      const port = portOf();
      if (this.state === 'shut' || port === 0) return void socket.destroy();
      const target = this.#keep(connect(port, '127.0.0.1'));
      socket.on('data', (data) => {
        const pass = () => void target.write(data);
        if (this.state === 'slow') setTimeout(pass, SLOW_MS_MAX * Math.random());
        else pass();
      });
      target.on('data', (data) => void socket.write(data));
      socket.on('close', () => target.destroy());
      target.on('close', () => socket.destroy());
    });
  }

  async open(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  shut(): void {
    this.state = 'shut';
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.shut();
    this.#server.close();
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

/** A process of `lanestore witness-server`. */
class WitnessProcess {
  readonly #dir: string;
  readonly #names: () => string;
  #process: ChildProcess | undefined;
  port = 0;

  constructor(dir: string, names: () => string) {
    this.#dir = dir;
    this.#names = names;
  }

  async start(): Promise<void> {
    mkdirSync(this.#dir, { recursive: true });
    const token = join(this.#dir, 'token');
    writeFileSync(token, TOKEN, { mode: 0o600 });
    const args = ['witness-server', join(this.#dir, 'held'), '--listen', '127.0.0.1:0', '--token-file', token];
    const child = spawn(process.execPath, [LANESTORE, ...args, '--names', this.#names()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    for await (const line of createInterface(child.stdout)) {
      this.port = Number(new URL(line.replace('listening on ', '')).port);
      return;
    }
    throw new Error('a witness server ended at its start');
  }

  async kill(): Promise<void> {
    this.port = 0;
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  killNow(): void {
    this.#process?.kill('SIGKILL');
  }

  /** Deletes the data, as if an empty disk replaced the disk. */
  forget(): void {
    rmSync(join(this.#dir, 'held'), { recursive: true, force: true });
  }
}

/** See the top of this file. */
export class Sinks {
  readonly failures: Record<SinkFailure, number> = { killed: 0, slow: 0, 'cut off': 0, forgets: 0 };
  readonly #dir: string;
  readonly #servers: ReadonlyMap<ServerName, WitnessProcess>;
  /** By node. */
  readonly #doors: readonly ReadonlyMap<ServerName, Door>[];
  readonly #ports = new Map<Door, number>();
  #isOver = false;
  #isCalm = true;
  #failing: Promise<void> = Promise.resolve();

  constructor(dir: string, nodes: number) {
    this.#dir = dir;
    const names = () => [...this.#ports.values()].map((port) => `127.0.0.1:${port}`).join(',');
    this.#servers = new Map(SERVERS.map((name) => [name, new WitnessProcess(join(dir, name), names)]));
    this.#doors = Array.from(
      { length: nodes },
      () => new Map(SERVERS.map((name) => [name, new Door(() => this.#servers.get(name)?.port ?? 0)])),
    );
  }

  async start(): Promise<void> {
    mkdirSync(join(this.#dir, DIRECTORY), { recursive: true });
    for (const [node, doors] of this.#doors.entries()) {
      for (const door of doors.values()) this.#ports.set(door, await door.open());
      this.#link(node);
    }
    await Promise.all([...this.#servers.values()].map((server) => server.start()));
    for (const node of this.#doors.keys()) writeFileSync(this.fileOf(node), JSON.stringify(this.#entriesOf(node)));
  }

  /** The sinks of a node. */
  placesOf(node: number): readonly SinkPlace[] {
    const servers = [...(this.#doors[node] ?? [])].map(([name, door]) => {
      return { name, url: `http://127.0.0.1:${this.#ports.get(door)}`, token: TOKEN };
    });
    return [{ name: DIRECTORY, path: this.#pathOf(node) }, ...servers];
  }

  /** The file that names the sinks of a node for commands. */
  fileOf(node: number): string {
    return join(this.#dir, `sinks-${node}.json`);
  }

  /** Blocks all calls of the node to all sinks. */
  cutOff(node: number): void {
    this.failures['cut off']++;
    for (const door of this.#doors[node]?.values() ?? []) door.shut();
    this.#block(node);
  }

  /** Ends {@link cutOff}. */
  reach(node: number): void {
    for (const door of this.#doors[node]?.values() ?? []) door.state = 'open';
    this.#link(node);
  }

  /** Makes sinks fail, one at a time, until {@link close}. */
  async fail(): Promise<void> {
    while (!this.#isOver) {
      await sleep(CALM_MS * (0.5 + Math.random()));
      if (this.#isOver || !this.#isCalm) continue;
      this.#failing = this.#failOnce();
      await this.#failing;
    }
  }

  /** Runs `work` while {@link fail} makes no sink fail. */
  async calm<T>(work: () => Promise<T>): Promise<T> {
    this.#isCalm = false;
    await this.#failing;
    try {
      return await work();
    } finally {
      this.#isCalm = true;
    }
  }

  killNow(): void {
    this.#isOver = true;
    for (const server of this.#servers.values()) server.killNow();
    for (const doors of this.#doors) for (const door of doors.values()) door.close();
  }

  async #failOnce(): Promise<void> {
    const [failure] = pick<[SinkFailure]>([['killed'], ['slow'], ['cut off'], ['forgets']]);
    const name = failure === 'forgets' ? FORGETFUL : pick([...SERVERS, ...(failure === 'cut off' ? [DIRECTORY] : [])]);
    const server = this.#servers.get(name as ServerName);
    const doors = this.#doors.flatMap((all) => all.get(name as ServerName) ?? []);
    this.failures[failure]++;
    if (failure === 'killed' || failure === 'forgets') await server?.kill();
    if (failure === 'forgets') server?.forget();
    if (failure === 'slow') for (const door of doors) door.state = 'slow';
    if (failure === 'cut off') for (const door of doors) door.shut();
    if (name === DIRECTORY) for (const node of this.#doors.keys()) this.#block(node);
    await sleep(FAILURE_MS * (0.5 + Math.random()));
    if (this.#isOver) return;
    if (failure === 'killed' || failure === 'forgets') await server?.start();
    for (const door of doors) door.state = 'open';
    if (name === DIRECTORY) for (const node of this.#doors.keys()) this.#link(node);
  }

  #entriesOf(node: number): object[] {
    const tokenFile = join(this.#dir, SERVERS[0], 'token');
    return this.placesOf(node).map((place) => {
      return 'url' in place ? { name: place.name, url: place.url, tokenFile } : { name: place.name, file: place.path };
    });
  }

  #pathOf(node: number): string {
    return join(this.#dir, `${DIRECTORY}-${node}`);
  }

  /** Connects the node to the directory by a link. A file replaces the link while it is cut off. */
  #link(node: number): void {
    const made = `${this.#pathOf(node)}.new`;
    rmSync(made, { force: true });
    symlinkSync(join(this.#dir, DIRECTORY), made);
    renameSync(made, this.#pathOf(node));
  }

  #block(node: number): void {
    const made = `${this.#pathOf(node)}.new`;
    writeFileSync(made, '');
    renameSync(made, this.#pathOf(node));
  }
}

/** A random item. */
export function pick<T>(items: readonly T[]): T {
  return items[Math.floor(Math.random() * items.length)] as T;
}
