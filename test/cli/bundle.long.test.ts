/** The long part of `bundle.test.ts`: what is redacted, every kind of damage, signals. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeAborting } from '../support/aborting-table.js';
import { begin, MAIN, run, runBytes, runFull, runUnread } from '../support/cli.js';
import { bodyOf, flipInFile, rawBatch, rawGet, tree } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { entriesIn, json, makeStore, SECRET, unpacked } from './bundle-support.js';

const test = suite('cli: bundle, every damage');
/** The id of a store. */
async function idOf(location: string): Promise<Buffer> {
  return Buffer.from((bodyOf(await rawGet(location, 'meta/schema')) as { store: Uint8Array }).store);
}

/** Damage by its name, and the exit code with which a bundle of it ends. */
const DAMAGES: Readonly<Record<string, readonly [status: number, damage: (store: string) => unknown]>> = {
  'no CURRENT': [1, (store) => rmSync(join(store, 'level', 'CURRENT'))],
  'no MANIFEST': [1, (store) => rmSync(inLevel(store, /^MANIFEST/))],
  'a bit of the MANIFEST': [1, (store) => flipInFile(inLevel(store, /^MANIFEST/), 100)],
  'no table': [1, (store) => rmSync(inLevel(store, /\.ldb$/))],
  'a bit of a table': [1, (store) => flipInFile(inLevel(store, /\.ldb$/), 8 * 4000)],
  'a table that aborts its reader': [1, (store) => makeAborting(inLevel(store, /\.ldb$/))],
  'no log': [1, (store) => rmSync(inLevel(store, /\.log$/))],
  'an empty database': [1, (store) => emptied(join(store, 'level'))],
  'no database': [1, (store) => rmSync(join(store, 'level'), { recursive: true })],
  'a database that is a link': [1, (store) => linked(join(store, 'level'))],
  'no witness': [1, (store) => rmSync(join(store, 'witness'))],
  'a witness that is a FIFO': [1, (store) => fifo(join(store, 'witness'))],
  'a LOG that is a FIFO': [1, (store) => fifo(join(store, 'level', 'LOG'))],
  'no value files': [1, (store) => rmSync(join(store, 'values'), { recursive: true })],
  'a bit of a value': [1, (store) => flipInFile(usedValues(store), 8 * 4000)],
  'no schema': [1, (store) => rawBatch(store, [{ type: 'del', key: 'meta/schema' }])],
  'a bad tip': [1, (store) => rawBatch(store, [{ type: 'put', key: 'meta/tip', value: new Uint8Array([1]) }])],
  'a bad record': [1, (store) => rawBatch(store, [{ type: 'put', key: 'inner', value: new Uint8Array([1]) }])],
};

/** The largest file of LevelDB whose name matches. */
function inLevel(store: string, pattern: RegExp): string {
  const paths = readdirSync(join(store, 'level')).filter((name) => pattern.test(name));
  const [path] = paths.map((name) => join(store, 'level', name)).sort((a, b) => statSync(b).size - statSync(a).size);
  return path!;
}

function usedValues(store: string): string {
  const paths = readdirSync(join(store, 'values')).map((name) => join(store, 'values', name));
  return paths.find((path) => readFileSync(path).includes(SECRET))!;
}

function emptied(directory: string): void {
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
}

function linked(path: string): void {
  renameSync(path, `${path}-elsewhere`);
  symlinkSync(`${path}-elsewhere`, path);
}

function fifo(path: string): void {
  rmSync(path);
  execFileSync('mkfifo', [path]);
}

test(
  'redacted: no payload, no signer, no words, no path, no host, no id; --no-redact has all but payloads',
  inTemp(async (dir) => {
    const [store, signed] = [join(dir, 'home-of-alice', 'store'), join(dir, 'home-of-alice', 'signed')];
    mkdirSync(join(dir, 'home-of-alice'));
    await makeStore(store);
    assert.is(run('import', fixture('wal', 'state'), signed).status, 0);
    const signer = '8f'.repeat(32);
    const decision = ['--as-is', '--reason', 'bob-said-so', '--signer', signer, '--yes'];
    assert.is(run('release', signed, ...decision).status, 0);
    const home = process.env.HOME;
    process.env.HOME = join(dir, 'home-of-alice');
    try {
      for (const location of [store, signed]) {
        const id = await idOf(location);
        const payload = location === store ? SECRET : undefined;
        const personal = [
          Buffer.from(id),
          Buffer.from(id).toString('hex'),
          dir,
          'home-of-alice',
          'bob-said-so',
          signer,
        ];
        const host = hostname().length >= 3 ? [hostname()] : [];
        const tar = runBytes('bundle', location, '-');
        assert.is(tar.status, 0, tar.stderr);
        for (const secret of [...personal, ...host, ...(payload === undefined ? [] : [payload])])
          assert.not.ok(Buffer.from(tar.stdout).includes(secret), `redacted: ${secret}`);
        const full = Buffer.from(runBytes('bundle', location, '-', '--no-redact').stdout);
        for (const kept of [id, id.toString('hex')]) assert.ok(full.includes(kept));
        assert.ok(full.includes(readFileSync(join(location, 'witness'))));
        assert.is(full.includes(signer), location === signed);
        if (payload !== undefined) assert.not.ok(full.includes(payload));
      }
    } finally {
      if (home === undefined) delete process.env.HOME;
      else process.env.HOME = home;
    }
  }),
);

test(
  'redacted: paths of another home or mount in LOG, and the id of another store in a finding',
  inTemp(async (dir) => {
    const [store, other] = [join(dir, 'store'), join(dir, 'other')];
    for (const location of [store, other]) assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    cpSync(inLevel(other, /\.log$/), inLevel(store, /\.log$/));
    // Afterwards: LevelDB begins a new log when it opens the store.
    const foreign = (await idOf(other)).toString('hex');
    const line = (text: string) => appendFileSync(join(store, 'level', 'LOG'), `2026/11/27-22:30:28.1 7f ${text}\n`);
    line('Compaction error: IO error: /srv/of carol/store/level/000123.ldb: No space left on device');
    line("IO error: 'D:\\Users\\carol\\store\\level\\000124.ldb'");
    line(`IO error: ${store}-of-carol/level/LOCK: held`);
    line('IO error: /home/carol: Permission denied');
    line('Level-0 table #8: 49584 bytes OK');
    const [status, bundle] = [
      run('bundle', store, join(dir, 'b.tar')).status,
      unpacked(join(dir, 'b.tar'), `${dir}/o`),
    ];
    assert.is(status, 1);
    const log = readFileSync(join(bundle, 'level', 'LOG'), 'utf8');
    assert.match(log, 'IO error: <path>/000123.ldb: No space left on device');
    assert.match(log, "IO error: '<path>/000124.ldb'");
    assert.match(log, /^2026\/11\/27-22:30:28\.1 7f Level-0 table #8: 49584 bytes OK$/m);
    assert.match(log, 'IO error: <path>/LOCK: held');
    assert.match(log, 'IO error: <path>: Permission denied');
    assert.not.match(log, 'carol');
    const findings = readFileSync(join(bundle, 'findings.json'), 'utf8');
    assert.match(findings, `store sha256:${createHash('sha256').update(foreign, 'hex').digest('hex').slice(0, 16)}`);
    assert.not.match(findings, foreign);
  }),
);

test(
  'a file with a name that a tar cannot have is listed, and not copied',
  inTemp(async (dir) => {
    const [store, tar] = [join(dir, 'store'), join(dir, 'b.tar')];
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    const name = `MANIFEST-${'1'.repeat(90)}`;
    writeFileSync(join(store, 'level', name), '');
    const { status, stderr } = run('bundle', store, tar);
    assert.ok(status !== 7, stderr);
    const files = json(join(unpacked(tar, join(dir, 'out')), 'files.json'));
    assert.ok(files.some((file: { name: string }) => file.name === `level/${name}`));
  }),
);

test(
  'of every damaged store there is a bundle with findings; the store is not changed',
  inTemp(async (dir) => {
    const sound = join(dir, 'sound');
    await makeStore(sound);
    const check = async ([name, [code, damage]]: (typeof damages)[number], number: number) => {
      const [place, tar] = [join(dir, `place-${number}`), join(dir, `${number}.tar`)];
      mkdirSync(place);
      const store = join(place, 'store');
      cpSync(sound, store, { recursive: true });
      await damage(store);
      const before = tree(place);
      const { status, stdout, stderr } = await begin(dir, 'bundle', store, tar, '--json');
      assert.is(status, code, `${name}: ${stderr}`);
      assert.equal(tree(place), before, `${name}: nothing is changed, and nothing is left`);
      const bundle = unpacked(tar, join(dir, `out-${number}`));
      const { findingsTotal } = json(join(bundle, 'findings.json'));
      assert.ok(findingsTotal > 0 && JSON.parse(stdout).findingsTotal === findingsTotal, name);
      assert.ok(json(join(bundle, 'files.json')).length > 1, name);
      if (/(?<!no )table|record|value/.test(name)) assert.ok(entriesIn(bundle).length > 100, name);
      if (name === 'a LOG that is a FIFO')
        assert.match(readFileSync(join(bundle, 'level/LOG.error.txt'), 'utf8'), /not a regular file/);
    };
    const damages = Object.entries(DAMAGES);
    const failures: unknown[] = [];
    await Promise.all(damages.map((damage, number) => check(damage, number).catch((error) => failures.push(error))));
    assert.equal(failures.map(String), []);
  }),
);

test(
  'the tar: a default name, no existing file, not in the store; a closed pipe and a full device',
  inTemp(async (dir) => {
    const store = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    const before = tree(store);
    const named = await begin(dir, 'bundle', 'store');
    assert.is(named.status, 0, named.stderr);
    const [tar, ...more] = readdirSync(dir).filter((name) => /^lanestore-bundle-\d{8}T\d{6}Z\.tar$/.test(name));
    assert.ok(tar !== undefined && more.length === 0);
    const [again, inside, here] = [
      run('bundle', store, join(dir, tar)),
      run('bundle', store, join(store, 'x.tar')),
      await begin(store, 'bundle', '.'),
    ];
    assert.equal([again.status, inside.status, here.status], [2, 2, 2]);
    assert.match(again.stderr, /exists: name a new file/);
    for (const { stderr } of [inside, here]) assert.match(stderr, /is in the store: name a file elsewhere/);
    assert.is(run('bundle', store, '-', '--json').status, 2);
    assert.is((await runUnread(['bundle', store, '-'])).status, 0);
    const full = await runFull('stdout', 'bundle', store, '-');
    assert.is(full.status, 6, full.stderr);
    await rawBatch(store, [{ type: 'del', key: 'qc/00000000000000000035' }]);
    assert.is((await runUnread(['bundle', store, '-'])).status, 1);
    assert.not.equal(tree(store), before, 'only the test changed it');
  }),
);

test(
  'SIGINT leaves neither the unfinished tar nor a copy',
  inTemp(async (dir) => {
    const [store, preload] = [join(dir, 'store'), join(dir, 'preload.mjs')];
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    writeFileSync(
      preload,
      `import fs from 'node:fs/promises';
      import { syncBuiltinESMExports } from 'node:module';
      const { open } = fs;
      fs.open = async (path, ...rest) => {
        const made = await open(path, ...rest);
        if (String(path).includes('.part-')) process.kill(process.pid, 'SIGINT');
        return made;
      };
      syncBuiltinESMExports();`,
    );
    const child = spawn(process.execPath, [`--import=${preload}`, MAIN, 'bundle', store, join(dir, 'out.tar')], {
      stdio: 'ignore',
    });
    assert.equal(await once(child, 'exit'), [null, 'SIGINT']);
    assert.equal(readdirSync(dir).sort(), ['preload.mjs', 'store']);
  }),
);

test.run();
