/**
 * A witness server keeps sinks in a directory, for guards on other hosts (`httpWitness`).
 *
 *   POST /v1/witness   { "call": "read" | "claim" | "put", "network", "signer",
 *                        claim, put: "holder"; put: "epoch", "history" (text) }
 *     200  read, claim: the record (witness-text.ts); put: { "held": { "epoch", "seq" } }
 *     4xx, 5xx  { "code": LANESTORE code, "message" }
 *   GET /health        200
 *
 * It answers a claim or a put once the change is synced. Every POST needs `Authorization: Bearer
 * <token>`. The Host header must name the server, so that no web page in a browser on the host can
 * call it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkFiles, type Files } from '../../base/files.js';
import { type Check, fields, iterable, outOfRange, required, string, wholeNumber } from '../../base/options.js';
import { isLanestoreError, LanestoreError } from '../../errors.js';
import type { WitnessKey, WitnessSink } from '../witness.js';
import { fieldsOf, formatRecord, isHolder, keyOf, numberOf, RECORD_CHARS_MAX, sinkHistory } from '../witness-text.js';
import { fileWitness } from './file.js';
import { isToken, WITNESS_PATH } from './http.js';

/** Options of {@link openWitnessServer}. */
export interface WitnessServerOptions {
  /** The directory of the sinks; created if absent. */
  readonly directory: string;
  /** 16 to 512 visible ASCII characters. */
  readonly token: string;
  /**
   * Default 127.0.0.1. The server uses plain HTTP: for other hosts, put a TLS proxy in front of it.
   */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
  /** Accepted Host headers in addition to `host`, e.g. that of a proxy; with or without a port. */
  readonly names?: Iterable<string>;
  /** File operations, which tests replace to inject faults. */
  readonly files?: Files;
}

/** A server that is listening. */
export interface WitnessServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Refuses new calls, answers current ones within 10 seconds, and ends. Idempotent. */
  close(): Promise<void>;
}

const PORT_MAX = 65_535;
const checkToken: Check<string> = (value, name) => {
  // The message omits the value: it may be the token, with a stray space.
  if (!isToken(string(value, name))) {
    throw new LanestoreError('LANESTORE_INVALID', `${name} must be 16 to 512 visible ASCII characters`);
  }
  return value as string;
};
const checkOptions = fields<WitnessServerOptions>({
  directory: required(string),
  token: required(checkToken),
  host: string,
  port: required(wholeNumber(0, PORT_MAX)),
  names: iterable,
  files: checkFiles,
});

const CONNECTIONS_MAX = 256;
const CALLS_MAX = 64;
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** Milliseconds between two checks for connections that are too slow. */
const CHECK_MS = 2000;
/** Milliseconds that current calls may take after `close`. */
const CLOSE_MS = 10_000;

/** Starts a server. @throws LANESTORE_INVALID; LANESTORE_IO if it cannot listen. */
export async function openWitnessServer(options: WitnessServerOptions): Promise<WitnessServer> {
  checkOptions(options, 'openWitnessServer: options');
  const { directory, token, host = '127.0.0.1', port, names = [], files } = options;
  if (directory === '') throw outOfRange('openWitnessServer: options.directory', 'a path', "''");
  const sink = fileWitness(directory, { name: 'directory', ...(files === undefined ? {} : { files }) });
  const hosts = new Set([...names, host].map((name) => string(name, 'openWitnessServer: options.names').toLowerCase()));
  const calls = new Calls(sink, token, hosts);
  const timeouts = { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: CHECK_MS };
  const server = createServer(timeouts, (request, response) => {
    void calls.answer(request, response);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listening(server, host, port);
  const bound = (server.address() as AddressInfo).port;
  for (const name of [...hosts])
    hosts.add(`${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${bound}`);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= closed(server);
    return closing;
  };
  return { host, port: bound, close, [Symbol.asyncDispose]: close };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new LanestoreError('LANESTORE_IO', `cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** A refusal: an answer with a status other than 200. */
class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

class Calls {
  readonly #sink: WitnessSink;
  readonly #token: Buffer;
  readonly #hosts: ReadonlySet<string>;
  #underWay = 0;

  constructor(sink: WitnessSink, token: string, hosts: ReadonlySet<string>) {
    this.#sink = sink;
    this.#token = digest(token);
    this.#hosts = hosts;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A reset connection must not end the process.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    this.#underWay++;
    try {
      send(response, 200, await this.#answerTo(request));
    } catch (error) {
      const { status, code, message } = refusalOf(error);
      // Ends the connection, because the rest of the request is not read.
      if (!request.complete) response.setHeader('connection', 'close');
      send(response, status, `${JSON.stringify({ code, message })}\n`);
    } finally {
      this.#underWay--;
    }
  }

  async #answerTo(request: IncomingMessage): Promise<string> {
    const { method, url, headers } = request;
    if (!this.#hosts.has((headers.host ?? '').toLowerCase())) {
      throw new Refusal(421, 'LANESTORE_INVALID', 'the Host header names another server');
    }
    if (method === 'GET' && url === '/health') return '{"ok":true}\n';
    if (url !== `/${WITNESS_PATH}`) throw new Refusal(404, 'LANESTORE_INVALID', 'unknown path');
    if (method !== 'POST') throw new Refusal(405, 'LANESTORE_INVALID', 'only POST');
    const [, given = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
    if (!timingSafeEqual(digest(given), this.#token)) throw new Refusal(401, 'LANESTORE_INVALID', 'the token is wrong');
    if (this.#underWay > CALLS_MAX) throw new Refusal(503, 'LANESTORE_CAPACITY', `${CALLS_MAX} calls are under way`);
    return this.#done(fieldsOf(await bodyOf(request)));
  }

  async #done(call: Record<string, unknown>): Promise<string> {
    const key = keyOf(call.network, call.signer);
    if (key === undefined) throw malformed('network or signer');
    // A call that has begun is completed even if its connection is lost.
    const { signal } = new AbortController();
    switch (call.call) {
      case 'read':
        return formatRecord(await this.#sink.read(key, signal));
      case 'claim':
        if (!isHolder(call.holder)) throw malformed('holder');
        return formatRecord(await this.#sink.claim(key, call.holder, signal));
      case 'put':
        return this.#put(key, call, signal);
      default:
        throw malformed('call');
    }
  }

  async #put(key: WitnessKey, call: Record<string, unknown>, signal: AbortSignal): Promise<string> {
    const epoch = numberOf(call.epoch);
    if (epoch === undefined || !isHolder(call.holder)) throw malformed('epoch or holder');
    if (typeof call.history !== 'string') throw malformed('history');
    const history = historyOf(call.history, key);
    await this.#sink.put({ epoch, holder: call.holder }, history, signal);
    return `${JSON.stringify({ held: { epoch: `${epoch}`, seq: `${history.seq}` } })}\n`;
  }
}

function historyOf(text: string, key: WitnessKey) {
  try {
    return sinkHistory(text, key);
  } catch (error) {
    throw new Refusal(400, 'LANESTORE_INVALID', (error as Error).message);
  }
}

function malformed(what: string): Refusal {
  return new Refusal(400, 'LANESTORE_INVALID', `${what} of the call is malformed`);
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (isLanestoreError(error)) {
    const isPutRefused = error.code === 'LANESTORE_FENCED' || error.code === 'LANESTORE_OUT_OF_SEQUENCE';
    return new Refusal(isPutRefused ? 409 : 500, error.code, error.message);
  }
  const { code = 'an error', message } = error as NodeJS.ErrnoException;
  return new Refusal(code === 'ENOSPC' || code === 'EDQUOT' ? 507 : 500, 'LANESTORE_IO', `${code}: ${message}`);
}

/** The body of a request. If it is too long, the rest is not read. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const tooLong = new Refusal(413, 'LANESTORE_INVALID', `a call has at most ${RECORD_CHARS_MAX} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > RECORD_CHARS_MAX) throw tooLong;
  const parts: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes <= RECORD_CHARS_MAX) return void parts.push(part);
      request.pause();
      reject(tooLong);
    });
    request.on('end', () => resolve(Buffer.concat(parts).toString()));
    request.on('close', () => reject(new Refusal(400, 'LANESTORE_INVALID', 'the call was cut off')));
  });
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** `timingSafeEqual` requires equal lengths, which digests have. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
