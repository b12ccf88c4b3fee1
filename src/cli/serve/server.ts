/**
 * The HTTP server of `lanestore serve`. It listens on 127.0.0.1 only, and answers GET and HEAD
 * only. Every request needs the token, in the path or as a bearer token.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { LanestoreError } from '../../errors.js';
import { admit, type Gate, SECURITY_HEADERS } from './gate.js';
import { ServedLocation } from './location.js';
import { routes } from './routes.js';

/** Settings of {@link serve}. */
export interface ServeSettings {
  /** 0: any free port. */
  readonly port: number;
  readonly token: string;
}

/** A server that is listening. */
export interface RunningServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly port: number;
  /** Resolves once the server is closed. */
  readonly closed: Promise<void>;
  /** Ends requests, checks and views, and removes their copies. */
  close(): Promise<void>;
  /** Kills the processes of running checks; synchronous, for signal handlers. */
  kill(): void;
}

const HOST = '127.0.0.1';
const CONNECTIONS_MAX = 64;
const REQUEST_MS_MAX = 10_000;
/** Milliseconds between two checks for connections that are too slow. */
const CHECK_MS = 2000;

/**
 * Serves the page of `locations`.
 * @throws LANESTORE_IO if the port is in use, or may not be used.
 */
export async function serve(locations: readonly string[], { port, token }: ServeSettings): Promise<RunningServer> {
  const served = locations.map((path, index) => new ServedLocation(index, path));
  const app = routes(served);
  let gate: Gate | undefined;
  const listener = getRequestListener(
    async (request) => {
      const admitted = gate === undefined ? new Response(null, { status: 503 }) : admit(request, gate);
      const response = admitted instanceof Response ? admitted : await app.fetch(admitted);
      for (const [name, value] of SECURITY_HEADERS) response.headers.set(name, value);
      return response;
    },
    { overrideGlobalObjects: false },
  );
  const timeouts = { requestTimeout: REQUEST_MS_MAX, connectionsCheckingInterval: CHECK_MS };
  const server = createServer(timeouts, (incoming, outgoing) => {
    void listener(incoming, outgoing);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listening(server, port);
  const bound = (server.address() as AddressInfo).port;
  gate = { token, hosts: hostsOf(bound) };
  const closed = new Promise<void>((resolve) => void server.once('close', resolve));
  return {
    origin: `http://${HOST}:${bound}`,
    port: bound,
    closed,
    async close() {
      for (const location of served) location.killCheck();
      server.close();
      server.closeAllConnections();
      await closed;
      await Promise.all(served.map((location) => location.close()));
    },
    kill: () => {
      for (const location of served) location.killCheck();
    },
  };
}

/** The accepted values of the header Host; browsers omit port 80. */
function hostsOf(port: number): string[] {
  const names = [HOST, 'localhost'];
  return [...names.map((name) => `${name}:${port}`), ...(port === 80 ? names : [])];
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, port)));
    server.listen(port, HOST, resolve);
  });
}

function listenError(cause: NodeJS.ErrnoException, port: number): LanestoreError {
  const isInUse = cause.code === 'EADDRINUSE';
  const message = isInUse ? `port ${port} is in use` : `cannot listen on ${HOST}:${port}: ${cause.message}`;
  const remedy = 'name another --port, or leave it out: a free one';
  return new LanestoreError('LANESTORE_IO', message, { cause, remedy });
}
