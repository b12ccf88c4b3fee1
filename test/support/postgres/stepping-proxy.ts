/** A proxy in front of a server. It waits before it passes on each piece of a connection. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Called before each piece is passed on; the piece waits for it. */
export type Stop = (call: string) => Promise<void>;

/** See the top of this file. */
export class SteppingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #stop: Stop = async () => undefined;

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const upstream = connect(port, '127.0.0.1');
      this.#pass(client, upstream, 'to the server');
      this.#pass(upstream, client, 'from the server');
    });
  }

  /** A proxy on a free port of loopback, in front of `port`. */
  static async before(port: number): Promise<SteppingProxy> {
    const proxy = new SteppingProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** From now on each piece waits for `stop`. */
  watch(stop: Stop): void {
    this.#stop = stop;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(from: Socket, to: Socket, direction: string): void {
    this.#sockets.add(from);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    let passing = Promise.resolve();
    from.on('data', (bytes: Buffer) => {
      passing = passing.then(async () => {
        await this.#stop(`${bytes.length} bytes ${direction}`);
        to.write(bytes);
      });
    });
    from.on('end', () => {
      passing = passing.then(() => void to.end());
    });
  }
}
