/**
 * The server of `lanestore serve`: what it refuses, that it writes nothing, and that its answers
 * are right and bounded.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { MAIN } from '../support/cli.js';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { copiesIn, get, json, serving, TOKEN } from './server-support.js';
import { makeStore } from './stores.js';

const test = suite('serve: the server');
/** Sends a request as text, which may be one that fetch refuses to send. Returns the status. */
function raw(port: number, head: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(head));
    let text = '';
    socket.setEncoding('latin1').on('data', (part) => (text += part));
    socket.on('error', reject);
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)));
  });
}

/** The error code of connecting to the port; undefined if something listens there. */
function connectError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
  });
}

test(
  'without the token, with a wrong one, from another host or another site: refused, with every header',
  inTemp(async (dir) => {
    await makeStore(join(dir, 'store'), { lanes: 2, rounds: 2 });
    await serving([join(dir, 'store')], async (server) => {
      const { origin, port } = server;
      for (const path of ['/', '/api/locations', '/livez', '/readyz', '/metrics', '/style.css', `/${TOKEN}`]) {
        assert.is((await fetch(origin + path)).status, 403, path);
      }
      const wrong = TOKEN.replace('f', 'g');
      for (const path of ['', 'api/locations', 'livez'])
        assert.is((await fetch(`${origin}/${wrong}/${path}`)).status, 403);
      for (const authorization of [`Bearer ${wrong}`, `Basic ${TOKEN}`, 'Bearer ', TOKEN]) {
        assert.is((await fetch(`${origin}/livez`, { headers: { authorization } })).status, 403, authorization);
      }
      assert.is((await fetch(`${origin}/livez`, { headers: { authorization: `Bearer ${TOKEN}` } })).status, 200);
      const path = `/${TOKEN}/api/locations`;
      const close = 'Connection: close\r\n\r\n';
      assert.is(await raw(port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${close}`), 200);
      assert.is(await raw(port, `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\n${close}`), 200);
      for (const host of [
        'evil.example',
        `evil.example:${port}`,
        '127.0.0.1',
        `127.0.0.1.evil:${port}`,
        '127.0.0.1:1',
      ]) {
        assert.is(await raw(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${close}`), 421, host);
      }
      const local = `Host: 127.0.0.1:${port}\r\n`;
      for (const line of ['Origin: http://evil.example', 'Origin: null', 'Sec-Fetch-Site: cross-site']) {
        assert.is(await raw(port, `GET ${path} HTTP/1.1\r\n${local}${line}\r\n${close}`), 403, line);
      }
      const page = await get(server, '');
      const policy = page.headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
      assert.not.match(policy, /unsafe|\*|https?:/);
      assert.is(page.headers.get('referrer-policy'), 'no-referrer');
      assert.is(page.headers.get('access-control-allow-origin'), null);
      for (const answer of [page, await fetch(origin), await get(server, 'nothing')])
        assert.is(answer.headers.get('content-security-policy'), policy);
    });
  }),
);

test(
  'overview, sizes, lane, entry, round and LevelDB of a store with large and pruned blocks',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const shape = { lanes: 3, rounds: 6, payloadBytes: 300_000, anchorAt: 2, signed: true, votes: true };
    const { laneIds } = await makeStore(location, shape);
    await serving([location], async (server) => {
      const overview = await json(server, 'api/0/overview');
      assert.equal(
        [overview.layout, overview.anchor, overview.findingsTotal, overview.refusal],
        ['level', '2', 0, null],
      );
      assert.equal(overview.commitQCs.next, '6');
      assert.equal(
        overview.lanes.map(({ lane, next }: { lane: string; next: string }) => [lane, next]),
        laneIds.map((lane) => [lane, '6']),
      );
      const commits = overview.votes.logs.find(({ log }: { log: string }) => log === 'commit');
      assert.equal(commits.at[0], '5');
      const [lane = ''] = laneIds;
      const first = Number(overview.lanes[0].first);
      const sizes = await json(server, 'api/0/sizes');
      assert.ok(sizes.lanes[lane].bytes > (6 - first) * 300_000, 'a lane has its values');
      assert.ok(sizes.valueFiles.length > 0, 'values are separated');
      const live = sizes.valueFiles.reduce((sum: number, file: { liveBytes: number }) => sum + file.liveBytes, 0);
      const lanesBytes = Object.values(sizes.lanes).reduce(
        (sum: number, size) => sum + (size as { bytes: number }).bytes,
        0,
      );
      assert.ok(live > 0 && live <= lanesBytes, `${live} of ${lanesBytes}`);

      const rows = await json(server, `api/0/lane?lane=${lane}&from=${first}&limit=64`);
      assert.equal(
        rows.map(({ number, payloadBytes, finding }: Record<string, unknown>) => [number, payloadBytes, finding]),
        Array.from({ length: 6 - first }, (_, i) => [String(first + i), 300_000, undefined]),
      );
      for (const [i, { block }] of rows.entries()) if (i > 0) assert.is(block.parentHash, rows[i - 1].block.headerHash);
      const entry = await json(server, `api/0/entry?key=lane/${lane.slice(0, 8)}/4`);
      assert.is(entry.kind, 'block');
      assert.match(entry.diagnostic, /^\{\n {2}"block": \{/);
      assert.match(entry.diagnostic, /h'[0-9a-f]{96}…' \/ 65536 bytes \//);
      const whole = Buffer.from(await (await get(server, `api/0/bytes?key=${entry.key}&form=proto`)).arrayBuffer());
      const printed = spawnSync(process.execPath, [MAIN, 'get', location, entry.key, '--proto'], {
        maxBuffer: 2 ** 24,
      });
      assert.ok(whole.equals(printed.stdout), 'the download is what get --proto prints');
      const part = await get(server, `api/0/bytes?key=${entry.key}&form=proto&offset=100`);
      assert.ok(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(100, 100 + 65_536)));

      const round = await json(server, 'api/0/round?road=5');
      assert.is(round.commitQC.roadIndex, '5');
      assert.equal(
        round.lanes.map(({ stored }: { stored: string }) => stored),
        ['1', '1', '1'],
      );
      assert.equal(
        round.votes.map(({ log }: { log: string }) => log),
        ['commit'],
      );
      assert.ok((await json(server, 'api/0/round?road=2')).anchor !== null, 'the anchor is shown with its road index');
      assert.is((await json(server, 'api/0/round?road=99')).commitQC, null);

      const level = await json(server, 'api/0/level');
      assert.ok(level.logs.length > 0 && level.tablesTotal > 0, JSON.stringify(level).slice(0, 300));
      const versions = await json(server, 'api/0/versions?key=meta/tip');
      assert.ok(versions.versionsTotal > 5, `${versions.versionsTotal} versions`);
      const sequences = versions.versions.map(({ sequence }: { sequence: number }) => sequence);
      assert.equal(
        sequences,
        [...sequences].sort((a, b) => b - a),
      );
      const stored = spawnSync(process.execPath, [MAIN, 'get', location, 'meta/tip', '--raw']).stdout;
      assert.is(versions.versions[0].head, stored.subarray(0, 64).toString('hex'));
      assert.is(versions.versions[0].bytes, stored.length);
    });
    assert.equal(copiesIn(dir), []);
  }),
);

test(
  'a damaged store: findings with meaning and remedy, the runbook, probes and metrics that say so',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location, { lanes: 2, rounds: 8, payloadBytes: 200_000 });
    const values = join(location, 'values');
    const [file = ''] = readdirSync(values);
    rmSync(join(values, file));
    const witness = join(location, 'witness');
    const ahead = readFileSync(witness);
    rmSync(witness);
    await serving([location], async (server) => {
      const overview = await json(server, 'api/0/overview');
      assert.ok(overview.findingsTotal > 0);
      const [finding] = overview.findings;
      assert.equal([finding.kind, finding.code], ['witness-damaged', 'LANESTORE_CORRUPT']);
      assert.ok(finding.means.length > 10 && overview.refusal.remedy.length > 10);
      const { text } = await json(server, `api/runbook?code=${finding.code}`);
      assert.match(text, /^## LANESTORE_CORRUPT\n/);
      assert.is((await get(server, 'livez')).status, 200);
      const ready = await get(server, 'readyz');
      assert.equal([ready.status, await ready.text()], [503, '0 LANESTORE_CORRUPT\n']);
      assert.match(await (await get(server, 'metrics')).text(), /^lanestore_location_findings\{.*\} [1-9]/m);
      const [last] = (await (await get(server, 'api/0/check')).text()).trim().split('\n').slice(-1);
      const { kind, report } = JSON.parse(last ?? '');
      assert.is(kind, 'report');
      assert.ok(report.findings.some((found: { kind: string }) => found.kind === 'value-missing'));
      writeFileSync(witness, ahead);
    });
  }),
);

test(
  'a location that vanishes while it is served, and comes back',
  inTemp(async (dir) => {
    const [location, away] = [join(dir, 'store'), join(dir, 'away')];
    await makeStore(location, { lanes: 2, rounds: 3 });
    await serving([location], async (server) => {
      const before = await json(server, 'api/0/overview');
      renameSync(location, away);
      const until = Date.now() + 30_000;
      let failure = await get(server, 'api/0/overview');
      while (failure.status === 200 && Date.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        failure = await get(server, 'api/0/overview');
      }
      assert.is(failure.status, 422);
      const body = (await failure.json()) as { code: string; message: string; remedy: string };
      assert.is(body.code, 'LANESTORE_NOT_A_STORE');
      assert.ok(body.message.includes(location) && body.remedy.length > 10);
      for (const path of ['sizes', 'level', 'round?road=1', 'entry?key=anchor', 'lane?lane=ab&from=0&limit=1']) {
        const { status } = await get(server, `api/0/${path}`);
        assert.is(status, 422, path);
      }
      assert.match(await (await get(server, 'metrics')).text(), /^lanestore_location_up\{.*\} 0$/m);
      renameSync(away, location);
      assert.equal((await json(server, 'api/0/overview')).store, before.store);
    });
  }),
);

test(
  'bounded: parameters, rows of an answer, hostile keys and numbers',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const { laneIds } = await makeStore(location, { lanes: 1, rounds: 200 });
    await serving([location], async (server) => {
      const rows = await json(server, `api/0/lane?lane=${laneIds[0]}&from=0&limit=1000000`);
      assert.is(rows.length, 64);
      const top = '18446744073709551614';
      assert.equal(await json(server, `api/0/lane?lane=${laneIds[0]}&from=${top}&limit=64`), []);
      for (const path of [
        'lane?lane=zz&from=0&limit=1',
        `lane?lane=${laneIds[0]}&from=-1&limit=1`,
        `lane?lane=${laneIds[0]}&from=18446744073709551616&limit=1`,
        `lane?lane=${laneIds[0]}&from=0`,
        `entry?key=${'a'.repeat(1025)}`,
        'entry?key=%3Cscript%3E',
        'entry?key=',
        'round?road=1e9',
        'round?road=',
        'versions?key=nothing%2F1',
      ]) {
        const { status } = await get(server, `api/0/${path}`);
        assert.ok(status === 400 || status === 404, `${path}: ${status}`);
      }
      assert.is((await get(server, 'api/runbook?code=%5E')).status, 404);
      await json(server, 'api/0/round?road=18446744073709551614');
    });
  }),
);

test(
  'a store that does not change is not copied again, however often it is asked for',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location, { lanes: 2, rounds: 3 });
    await serving([location], async (server) => {
      const first = await json(server, 'api/0/overview');
      const made: (string | null)[] = [];
      const watcher = watch(dir, (_event, name) => made.push(name));
      for (let i = 0; i < 15; i++) {
        const next = await json(server, 'api/0/overview');
        assert.ok(next.readAt >= first.readAt && next.seq === first.seq);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      assert.equal(made, []);
      const store = await openLevel(location, { model: autobahn });
      await store.persist({ inner: new Uint8Array([9]) });
      await store.close();
      const until = Date.now() + 30_000;
      const seq = async () => BigInt((await json(server, 'api/0/overview')).seq);
      while ((await seq()) === BigInt(first.seq) && Date.now() < until)
        await new Promise((resolve) => setTimeout(resolve, 100));
      watcher.close();
      assert.ok(
        made.some((name) => name?.includes('.copy-')),
        'a change is read from a new copy',
      );
    });
  }),
);

test('it listens on 127.0.0.1 only', async () => {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outer = own.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address);
  await serving([packageRoot], async ({ port }) => {
    assert.is(await connectError('127.0.0.1', port), undefined);
    const others = process.platform === 'linux' ? ['127.0.0.2', ...outer] : outer;
    for (const host of others) assert.is(await connectError(host, port), 'ECONNREFUSED', host);
  });
});

test('the assets: every one that the page imports is served, the vendored ones are those of their packages', async () => {
  const { status, stderr } = spawnSync(process.execPath, [join(packageRoot, 'scripts/vendor.mjs'), '--check']);
  assert.is(status, 0, String(stderr));
  const assets = join(packageRoot, 'assets/serve');
  const modules = readdirSync(assets, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  await serving([packageRoot], async (server) => {
    for (const name of modules) {
      const response = await get(server, name);
      assert.is(response.status, 200, name);
      assert.match(response.headers.get('content-type') ?? '', /^text\/javascript/);
      const text = await response.text();
      assert.is(text.length, readFileSync(join(assets, name), 'utf8').length, name);
      for (const [, imported = ''] of text.matchAll(/(?:from|import) ?['"]([^'"]+)['"]/g)) {
        assert.match(imported, /^\.\.?\//, `${name} imports ${imported}`);
        const path = join(name, '..', imported);
        assert.ok(statSync(join(assets, path)).isFile(), path);
      }
    }
  });
});

test.run();
