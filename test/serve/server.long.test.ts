/**
 * The long part of `server.test.ts`: every route and method, every layout, checks, a node that
 * writes, the command.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { copySeiState, SEI_STATES } from '../migrations/sei-states.js';
import { treeHash } from '../migrations/states.js';
import { MAIN, run } from '../support/cli.js';
import { fixture, packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { copiesIn, get, json, serving, TOKEN } from './server-support.js';
import { makeStore } from './stores.js';

const test = suite('serve: the server, at length');
/** Every route, with parameters that are found. */
const ROUTES = [
  ...['', 'app.js', 'style.css', 'vendor/preact.js', 'api/locations', 'livez', 'readyz', 'metrics'],
  ...['overview', 'sizes', 'level', 'check', 'round?road=1', 'versions?key=anchor', 'entry?key=qc/1'].map(
    (path) => `api/0/${path}`,
  ),
  'api/0/bytes?key=qc/1&form=raw',
  'api/runbook?code=LANESTORE_CORRUPT',
];

test(
  'nothing that a browser sends changes a byte: all routes, all methods, bodies, paths of every kind',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location, { lanes: 3, rounds: 4, anchorAt: 1 });
    const original = join(dir, 'original');
    cpSync(fixture('wal', 'state'), original, { recursive: true });
    const before = [treeHash(location), treeHash(original)];
    await serving([location, original], async (server) => {
      for (const path of ROUTES) {
        const found = await get(server, path);
        assert.is(found.status, 200, path);
        await found.arrayBuffer();
        for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
          const body = method === 'OPTIONS' ? null : JSON.stringify({ path: location });
          const response = await get(server, path, { method, body });
          assert.is(response.status, 405, `${method} ${path}`);
        }
        // HEAD would begin a check that has no reader.
        const head = await get(server, path, { method: 'HEAD' });
        assert.is(head.status, path === 'api/0/check' ? 405 : 200, `HEAD ${path}`);
      }
      for (const path of [
        '../etc/passwd',
        '%2e%2e/%2e%2e/package.json',
        '..%2f..%2fpackage.json',
        'vendor/../../package.json',
        'vendor/LICENSES.txt%00.js',
        'api/9/overview',
        'api/-1/overview',
        'api/0/nothing',
      ]) {
        assert.ok([404, 403].includes((await get(server, path)).status), path);
      }
      for (const path of ROUTES.filter((route) => route.startsWith('api/0/'))) {
        const response = await get(server, path.replace('api/0/', 'api/1/'));
        assert.ok([200, 404, 422].includes(response.status), `${path}: ${response.status}`);
        await response.arrayBuffer();
      }
    });
    assert.equal([treeHash(location), treeHash(original)], before);
    assert.equal(copiesIn(dir), []);
  }),
);

test(
  'each layout of the original, and both versions of the protocol',
  inTemp(async (dir) => {
    const names = ['wal', 'wal-crc', 'file-per-entry'];
    const states = [
      ...names.map((name) => fixture(name, 'state')),
      ...SEI_STATES.map((state) => copySeiState(state, dir)),
    ];
    const newer = join(dir, 'newer-store');
    assert.is(run('import', fixture('head', 'ordinary', 'state'), newer).status, 0);
    await serving([...states, newer], async (server) => {
      for (const [i, path] of [...states, newer].entries()) {
        const overview = await json(server, `api/${i}/overview`);
        const inspected = JSON.parse(run('inspect', path, '--json').stdout);
        assert.is(overview.layout, inspected.layout, path);
        assert.equal(
          overview.lanes.map(({ lane, first, next }: Record<string, string>) => [lane, first, next]),
          inspected.lanes.map(({ lane, first, next }: Record<string, string>) => [lane, first, next]),
        );
        assert.equal(overview.anchor, inspected.anchor);
        const held = overview.lanes.find(({ first, next }: Record<string, string>) => first !== next);
        if (held !== undefined) {
          const rows = await json(server, `api/${i}/lane?lane=${held.lane}&from=${held.first}&limit=4`);
          assert.is(rows[0].number, held.first, path);
          assert.is(rows[0].finding, undefined, path);
          const entry = await json(server, `api/${i}/entry?key=${rows[0].key}`);
          assert.is(entry.hashes.header, rows[0].block.headerHash);
        }
        const { first, next } = overview.commitQCs;
        if (first === next) continue;
        const round = await json(server, `api/${i}/round?road=${first}`);
        assert.is(round.commitQC.roadIndex, first, path);
        assert.equal([round.first, round.next], [first, next]);
      }
      const data = await json(server, `api/${names.length}/overview`);
      assert.ok(data.dataLayer.block.held > 0, 'the rows of the data layer are counted');
    });
  }),
);

test(
  'verify: progress, one at a time, cancelled when its reader leaves; no copy is left',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location, { lanes: 2, rounds: 60, payloadBytes: 100_000 });
    const before = treeHash(location);
    await serving([location], async (server) => {
      const abort = new AbortController();
      const first = await get(server, 'api/0/check', { signal: abort.signal });
      assert.is((await get(server, 'api/0/check')).status, 422, 'a second check is refused');
      abort.abort();
      await first.text().catch(() => undefined);
      const until = Date.now() + 60_000;
      let second = await get(server, 'api/0/check');
      while (second.status === 422 && Date.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        second = await get(server, 'api/0/check');
      }
      assert.is(second.status, 200, 'after the cancelled one has ended');
      const events = (await second.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const phases = new Set(events.map(({ kind, phase }) => phase ?? kind));
      for (const phase of ['files', 'records', 'checks', 'report']) assert.ok(phases.has(phase), phase);
      const { report } = events.at(-1);
      assert.equal([report.findingsTotal, report.checked], [0, 2 * 60]);
      for (const { kind, done, total } of events) if (kind === 'progress') assert.ok(done <= total && done > 0);
    });
    assert.is(treeHash(location), before);
    assert.equal(copiesIn(dir), []);
  }),
);

test(
  'while a node writes: each answer is a batch of the store, the newest one within seconds, and the node goes on',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const network = await makeStore(location, { lanes: 2, rounds: 3 });
    const store = await openLevel(location, { model: autobahn });
    await serving([location], async (server) => {
      const read: bigint[] = [];
      for (let round = 0; round < 40; round++) {
        await store.persist({ blocks: [network.block(0), network.block(1)], commitQCs: [network.commitQC()] });
        if (round % 10 === 5) read.push(BigInt((await json(server, 'api/0/overview')).seq));
      }
      const newest = String(store.seq);
      const until = Date.now() + 30_000;
      let seq = '';
      while (seq !== newest && Date.now() < until) seq = (await json(server, 'api/0/overview')).seq;
      assert.is(seq, newest);
      assert.equal(
        read,
        [...read].sort((a, b) => (a < b ? -1 : 1)),
      );
      const { lanes } = await json(server, 'api/0/overview');
      const rows = await json(server, `api/0/lane?lane=${lanes[0].lane}&from=40&limit=10`);
      assert.is(rows.length, Number(lanes[0].next) - 40);
    });
    await store.close();
  }),
);

test(
  'metrics are what promtool accepts, escaped, with the names of the table where they are the same',
  inTemp(async (dir) => {
    const odd = join(dir, 'a "store" \\ ü');
    await makeStore(odd, { lanes: 2, rounds: 3 });
    await serving([odd], async (server) => {
      const response = await get(server, 'metrics');
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
      const text = await response.text();
      for (const name of ['lanestore_free_disk_bytes', 'lanestore_location_batches_total', 'lanestore_location_up'])
        assert.ok(text.includes(`\n${name}{location="`) || text.startsWith(`${name}{`), name);
      assert.ok(text.includes('a \\"store\\" \\\\ ü'), 'labels are escaped');
      const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
      if (checked.error === undefined) assert.is(checked.status, 0, checked.stdout + checked.stderr);
      else if (process.env.CI === 'true') throw new Error('promtool is not installed: apt-get install prometheus');
      else process.stdout.write('\n  skipped: promtool is not installed (Debian: apt-get install prometheus)\n');
    });
  }),
);

test(
  'the command: prints its address, takes a token file, names what is wrong with its arguments',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location, { lanes: 1, rounds: 2 });
    const before = treeHash(location);
    const tokenFile = join(dir, 'token');
    writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
    const child = spawn(process.execPath, [MAIN, 'serve', location, '--token-file', tokenFile, '--json']);
    const [line] = (
      await new Promise<string>((resolve) => child.stdout.setEncoding('utf8').once('data', resolve))
    ).split('\n');
    const { url, port } = JSON.parse(line ?? '');
    assert.is(url, `http://127.0.0.1:${port}/${TOKEN}/`);
    assert.is((await fetch(url)).status, 200);
    assert.is((await fetch(`${url}api/0/overview`)).status, 200);
    await fetch(`${url}api/0/round?road=1`);
    const twice = run('serve', location, '--port', String(port));
    const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
    child.kill('SIGTERM');
    assert.is(await ended, 'SIGTERM');
    assert.is(twice.status, 3);
    assert.match(twice.stderr, new RegExp(`^LANESTORE_IO: port ${port} is in use\nwhat to do: .*--port`, 'm'));
    assert.is(treeHash(location), before);
    assert.equal(copiesIn(dir), []);

    writeFileSync(join(dir, 'short'), 'short');
    mkdirSync(join(dir, 'loose'));
    for (const [args, status, says] of [
      [['serve'], 2, /^usage: lanestore serve LOCATION/m],
      [['serve', join(dir, 'nowhere')], 3, /is not a directory/],
      [['serve', tokenFile], 3, /is not a directory/],
      [['serve', location, '--port', '70000'], 2, /--port must be at most 65535/],
      [['serve', location, '--port', 'x'], 2, /--port must be a whole number/],
      [['serve', location, '--token-file', join(dir, 'short')], 2, /must hold a token/],
      [['serve', location, '--token-file', join(dir, 'none')], 3, /ENOENT/],
      [Array.from({ length: 18 }, (_, i) => (i === 0 ? 'serve' : location)), 2, /usage/],
    ] as const) {
      const result = run(...args);
      assert.is(result.status, status, `${args.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, says, args.join(' '));
    }
  }),
);

test(
  'without its optional packages: every other command works, and this one says what to install',
  inTemp((dir) => {
    const modules = join(dir, 'node_modules');
    cpSync(join(packageRoot, 'dist'), join(dir, 'dist'), { recursive: true });
    cpSync(join(packageRoot, 'package.json'), join(dir, 'package.json'));
    mkdirSync(modules);
    for (const name of readdirSync(join(packageRoot, 'node_modules'))) {
      if (name === 'hono' || name === '@hono' || name.startsWith('.')) continue;
      symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name));
    }
    const main = join(dir, 'dist', 'cli', 'main.js');
    const runIt = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    assert.is(runIt('inspect', fixture('wal', 'state')).status, 0);
    const { status, stderr } = runIt('serve', dir);
    assert.is(status, 3, stderr);
    assert.match(stderr, /^the packages hono and @hono\/node-server are not installed\nwhat to do: .*npm install/m);
  }),
);

test.run();
