/** The witness server and its client: what each does with wrong tokens, garbage, cuts and lies. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatHistory } from '../../../src/adapter/index.js';
import { hex } from '../../../src/base/bytes.js';
import { isLanestoreError } from '../../../src/errors.js';
import {
  fileWitness,
  httpWitness,
  openWitnessServer,
  postgresWitness,
  type WitnessServer,
} from '../../../src/guard/index.js';
import { FaultyFiles } from '../../support/faulty-files.js';
import { inTemp } from '../../support/temp.js';
import { history, holder, KEY_OF_HISTORIES as KEY, NEVER, refused } from './contract.js';

const test = suite('sinks: witness server');

const TOKEN = 'the-token-of-this-test';
const NAMED = { network: KEY.network, signer: hex(KEY.signer) };

const served = (run: (server: WitnessServer, dir: string) => Promise<void>) =>
  inTemp(async (dir) => {
    await using server = await openWitnessServer({ directory: dir, token: TOKEN, port: 0 });
    await run(server, dir);
  });

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The status and body of one call. */
function sent(
  { port }: WitnessServer,
  { method = 'POST', path = '/v1/witness', headers = {}, body = '' }: Sent,
): Promise<[number, Record<string, unknown>]> {
  return new Promise((resolve, reject) => {
    const all = { authorization: `Bearer ${TOKEN}`, ...headers };
    const call = request({ host: '127.0.0.1', port, method, path, headers: all }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve([response.statusCode ?? 0, JSON.parse(text)]));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

const json = (value: unknown) => JSON.stringify(value);
const claim = { call: 'claim', ...NAMED, holder: '0'.repeat(32) };
const put = { call: 'put', ...NAMED, holder: '0'.repeat(32), epoch: '1', history: formatHistory(history(1n)) };

const REFUSED: Record<string, [Sent, number]> = {
  'no token': [{ headers: { authorization: '' }, body: json(claim) }, 401],
  'a wrong token': [{ headers: { authorization: 'Bearer no' }, body: json(claim) }, 401],
  'a token of another scheme': [{ headers: { authorization: `Basic ${TOKEN}` }, body: json(claim) }, 401],
  'another host': [{ headers: { host: 'evil.example' }, body: json(claim) }, 421],
  'another path': [{ path: '/', body: json(claim) }, 404],
  'a path above': [{ path: '/v1/witness/..', body: json(claim) }, 404],
  'another method': [{ method: 'GET' }, 405],
  'an empty body': [{}, 400],
  'no JSON': [{ body: '{' }, 400],
  'an array': [{ body: '[]' }, 400],
  'no call': [{ body: json(NAMED) }, 400],
  'an unknown call': [{ body: json({ ...claim, call: 'drop' }) }, 400],
  'no signer': [{ body: json({ ...claim, signer: undefined }) }, 400],
  'a signer that is none': [{ body: json({ ...claim, signer: '../../etc' }) }, 400],
  'a signer that is too long': [{ body: json({ ...claim, signer: 'aa'.repeat(129) }) }, 400],
  'a network with a space': [{ body: json({ ...claim, network: 'a b' }) }, 400],
  'a holder that is none': [{ body: json({ ...claim, holder: 'x' }) }, 400],
  'an epoch that is none': [{ body: json({ ...put, epoch: 1 }) }, 400],
  'a history that is none': [{ body: json({ ...put, history: '{}' }) }, 400],
  'a changed history': [{ body: json({ ...put, history: put.history.replace('"1"', '"2"') }) }, 400],
  'a history of another key': [{ body: json({ ...put, signer: '08'.repeat(32) }) }, 400],
  'a live history': [{ body: json({ ...put, history: formatHistory(history(1n, { kind: 'live' })) }) }, 400],
  'a body that says it is too long': [{ headers: { 'content-length': `${64 * 1024 * 1024}` } }, 413],
  'a put without a claim': [{ body: json(put) }, 500],
};

for (const [name, [call, status]] of Object.entries(REFUSED)) {
  test(
    `refused: ${name}`,
    served(async (server) => {
      const [got, body] = await sent(server, call);
      assert.is(got, status, json(body));
      assert.match(String(body.code), /^LANESTORE_/);
      assert.not(json(body).includes(TOKEN));
      assert.is((await httpWitness({ url: urlOf(server), token: TOKEN }).read(KEY, NEVER)).epoch, 0n, 'as it was');
    }),
  );
}

function urlOf({ port }: WitnessServer): string {
  return `http://127.0.0.1:${port}`;
}

test(
  'a body without an end is cut at the limit, and others are answered meanwhile',
  served(async (server) => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const head = `POST /v1/witness HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nauthorization: Bearer ${TOKEN}\r\n`;
    socket.write(`${head}transfer-encoding: chunked\r\n\r\n`);
    const part = Buffer.alloc(1024 * 1024, 0x20);
    let answer = '';
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text;
    });
    let wake: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      socket.on('close', () => {
        wake();
        resolve();
      });
    });
    let sentParts = 0;
    for (; sentParts < 100 && !socket.destroyed; sentParts++) {
      socket.write(`${part.length.toString(16)}\r\n`);
      socket.write(part);
      await new Promise<void>((resolve) => {
        wake = resolve;
        socket.write('\r\n', () => resolve());
      });
      if (sentParts === 5) assert.is((await sent(server, { method: 'GET', path: '/health' }))[0], 200);
    }
    // The answer may be lost with the rest of the body.
    assert.ok(sentParts < 100 && /^(?:HTTP\/1\.1 413 |$)/.test(answer), `${sentParts} MiB, ${answer.slice(0, 40)}`);
    socket.destroy();
    await closed;
  }),
);

test(
  'a call that is cut off changes nothing, or all, and the server goes on',
  served(async (server) => {
    const sink = httpWitness({ url: urlOf(server), token: TOKEN });
    const cut = new AbortController();
    const claimed = sink.claim(KEY, holder(), cut.signal).catch(() => undefined);
    cut.abort(new Error('enough'));
    await claimed;
    const socket = connect(server.port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.write('POST /v1/witness HTTP/1.1\r\ncontent-', () => resolve()));
    socket.destroy();
    const { epoch } = await sink.read(KEY, NEVER);
    assert.ok(epoch <= 1n);
    assert.is((await sink.claim(KEY, holder(), NEVER)).epoch, epoch + 1n);
  }),
);

test(
  'a full disk is told as such, and what was there stays',
  inTemp(async (dir) => {
    const files = new FaultyFiles('ENOSPC');
    await using server = await openWitnessServer({ directory: dir, token: TOKEN, port: 0, files });
    const sink = httpWitness({ url: urlOf(server), token: TOKEN });
    const own = holder();
    const { epoch } = await sink.claim(KEY, own, NEVER);
    await sink.put({ epoch, holder: own }, history(1n), NEVER);
    files.failAt = files.seen.length;
    await refused('LANESTORE_IO', sink.put({ epoch, holder: own }, history(2n), NEVER), /507: ENOSPC/);
    assert.equal((await sink.read(KEY, NEVER)).last?.history, history(1n));
    await sink.put({ epoch, holder: own }, history(3n), NEVER);
  }),
);

test(
  'a directory that holds garbage is named, not taken for a record',
  served(async (server, dir) => {
    const sink = httpWitness({ url: urlOf(server), token: TOKEN });
    const own = holder();
    const { epoch } = await sink.claim(KEY, own, NEVER);
    await sink.put({ epoch, holder: own }, history(1n), NEVER);
    const [place = ''] = readdirSync(dir);
    writeFileSync(join(dir, place, `last-${'1'.padStart(20, '0')}`), 'garbage');
    await refused('LANESTORE_IO', sink.read(KEY, NEVER), /no JSON object/);
    await refused('LANESTORE_IO', fileWitness(dir).read(KEY, NEVER));
  }),
);

test(
  'close answers what is under way, and takes nothing more',
  served(async (server) => {
    const sink = httpWitness({ url: urlOf(server), token: TOKEN });
    const claims = Array.from({ length: 8 }, () =>
      sink.claim(KEY, holder(), NEVER).then(
        () => 'claimed',
        () => 'not',
      ),
    );
    await Promise.race(claims);
    await server.close();
    await server.close();
    assert.ok((await Promise.all(claims)).includes('claimed'));
    await refused('LANESTORE_IO', sink.read(KEY, NEVER), /ECONNREFUSED/);
  }),
);

test(
  'a port that is taken is an error with the address',
  served(async (server, dir) => {
    const { port } = server;
    await refused(
      'LANESTORE_IO',
      openWitnessServer({ directory: dir, token: TOKEN, port }),
      /127\.0\.0\.1:\d+: .*EADDRINUSE/,
    );
  }),
);

/** A server that does as a test says, and its client. */
async function against(listener: RequestListener, run: (sink: ReturnType<typeof httpWitness>) => Promise<void>) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await run(httpWitness({ url: `http://127.0.0.1:${port}/deep/`, token: TOKEN }));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const record = (more: object) =>
  json({ format: 'lanestore-witness/1', epoch: '0', holder: '', lastEpoch: null, last: null, ...more });
const last = (more: object = {}) => JSON.parse(formatHistory(history(1n, more)));
const LIES: Record<string, RequestListener> = {
  'an empty answer': (_, response) => response.end(),
  'no JSON': (_, response) => response.end('<html>'),
  'a record of another format': (_, response) => response.end(record({ format: 'x/1' })),
  'a field more': (_, response) => response.end(record({ extra: 1 })),
  'a negative epoch': (_, response) => response.end(record({ epoch: '-1' })),
  'a history of another key': (_, response) =>
    response.end(record({ epoch: '1', lastEpoch: '1', last: last({ signer: new Uint8Array(32) }) })),
  'a history of another network': (_, response) =>
    response.end(record({ epoch: '1', lastEpoch: '1', last: last({ network: 'other' }) })),
  'a changed history': (_, response) =>
    response.end(record({ epoch: '1', lastEpoch: '1', last: { ...last(), seq: '2' } })),
  'a history of a later claim': (_, response) => response.end(record({ epoch: '1', lastEpoch: '2', last: last() })),
  'an error page with the token': ({ headers }, response) => {
    response.writeHead(500).end(json({ code: 'X', message: `${headers.authorization}\n${'x'.repeat(10_000)}` }));
  },
  'a redirect': (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
  'a cut answer': (_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('{');
    setTimeout(() => response.destroy(), 20);
  },
  'a reset': ({ socket }) => socket.destroy(),
};

for (const [name, listener] of Object.entries(LIES)) {
  test(`the client names ${name}, without the token`, async () => {
    await against(listener, async (sink) => {
      const text = await refused('LANESTORE_IO', sink.read(KEY, NEVER));
      assert.not(text.includes(TOKEN), text);
      assert.ok(text.length < 600, text);
    });
  });
}

test('the client believes no answer to a put that names another batch', async () => {
  const held =
    (seq: string): RequestListener =>
    (_, response) =>
      response.end(json({ held: { epoch: '1', seq } }));
  const claimed = { epoch: 1n, holder: holder() };
  await against(held('1'), (sink) => sink.put(claimed, history(1n), NEVER));
  await against(held('0'), (sink) =>
    refused('LANESTORE_IO', sink.put(claimed, history(1n), NEVER)).then(() => undefined),
  );
});

test('the client ends with its signal', async () => {
  await against(
    () => undefined,
    async (sink) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error('late')), 20);
      await refused('LANESTORE_IO', sink.read(KEY, controller.signal), /late/);
    },
  );
});

const BAD_CLIENTS: Record<string, [string, string]> = {
  'no URL': ['witness', TOKEN],
  'another protocol': ['ftp://host', TOKEN],
  'a password': ['http://user:secret@host', TOKEN],
  'a query': ['http://host/?token=1', TOKEN],
  'a short token': ['http://host', 'short'],
  'a token with a line break': ['http://host', `${TOKEN}\nx`],
};
for (const [name, [url, token]] of Object.entries(BAD_CLIENTS)) {
  test(`no client: ${name}`, () => {
    try {
      httpWitness({ url, token });
      assert.unreachable();
    } catch (error) {
      assert.ok(isLanestoreError(error, 'LANESTORE_INVALID'), String(error));
      assert.not(error.message.includes(token));
      assert.not(error.message.includes('secret'));
    }
  });
}

test('no sink: connections and tables that are none', () => {
  for (const connection of [1, null, '', ['postgres://a']] as never[]) {
    assert.throws(() => postgresWitness({ connection }), /^postgresWitness: options.connection must be/);
  }
  for (const table of ['', 'a b', 'X', 'x; drop table y']) {
    assert.throws(() => postgresWitness({ connection: 'postgres://a', table }), /options.table must be/);
  }
  assert.throws(() => postgresWitness({ connection: 'postgres://a', deadlineMs: 0 }), /options.deadlineMs/);
  assert.throws(() => postgresWitness({ connection: 'postgres://a', name: 'a b' }), /options.name/);
  assert.throws(() => fileWitness(''), /fileWitness: path/);
});

test(
  'a file sink that fails at any operation keeps the old record or the new one, and works afterwards',
  inTemp(async (dir) => {
    for (const code of ['ENOSPC', 'EIO']) {
      for (let failAt = 0; ; failAt++) {
        const path = join(dir, `${code}-${failAt}`);
        mkdirSync(path);
        const files = new FaultyFiles(code, failAt);
        const sink = fileWitness(path, { files });
        const own = holder();
        let wasPut = 0n;
        const run = async () => {
          const { epoch } = await sink.claim(KEY, own, NEVER);
          for (const seq of [1n, 2n]) {
            await sink.put({ epoch, holder: own }, history(seq), NEVER);
            wasPut = seq;
          }
          return true;
        };
        const isWhole = await run().catch((error: NodeJS.ErrnoException) => {
          assert.is(error.code, code);
          return false;
        });
        files.failAt = Number.POSITIVE_INFINITY;
        const { last: held } = await fileWitness(path).read(KEY, NEVER);
        const seq = held?.history.seq ?? 0n;
        assert.ok(seq === wasPut || seq === wasPut + 1n, `${code} ${failAt}: ${seq} after ${wasPut}`);
        const next = holder();
        const { epoch } = await sink.claim(KEY, next, NEVER);
        await sink.put({ epoch, holder: next }, history(9n), NEVER);
        if (isWhole) break;
      }
    }
  }),
);

test.run();
