/**
 * Every verb against every kind of location: the exit codes and error codes of docs/locations.md,
 * and no verb that reads changes a location. SHOW_LOCATIONS=1 prints the rows of the page instead.
 * Root has every permission, so the verbs run as another user where permissions matter.
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ledger } from '../../examples/own-types/model.js';
import { autobahn, openLevel } from '../../src/index.js';
import { canRunUnprivileged, type Result, run, runLines, UNPRIVILEGED } from '../support/cli.js';
import { rawBatch, rewriteBody, tree } from '../support/faults.js';
import { fixture, packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: locations');
const LANE = '2bd4';
const SIGNER = '2bd4e778e505998cbe6a052353e359648370d4cdbf51f3c8c986e4ce9fbeb8fe';
const SOUND = ['a store', 'its symbolic link', 'spaces and Ünïcødé ☃'];
const KINDS = [
  ...SOUND,
  ...['absent', 'a file', 'empty', 'another LevelDB', 'wal', 'file-per-entry'],
  ...['another model', 'newer format', 'damaged', 'locked'],
];
/** Kinds that another user than root meets. */
const GUARDED = ['read-only', 'unreadable'];

/** The arguments of each verb for a location; `fresh` is an absent path. */
const READERS: Readonly<Record<string, (location: string, fresh: string) => string[]>> = {
  inspect: (location) => [location],
  'inspect --quick': (location) => [location, '--quick'],
  health: (location) => [location],
  verify: (location) => [location],
  ls: (location) => [location],
  get: (location) => [location, 'meta/tip'],
  find: (location) => [location, 'meta/tip'],
  stats: (location) => [location],
  'watch --count 1': (location) => [location, '--count', '1'],
  lane: (location) => [location, LANE],
  round: (location) => [location, '35'],
  manifest: (location) => [location],
  diff: (location) => [location, location],
  'diff of three': (location) => [location, fixture('wal', 'state'), location],
  bundle: (location, fresh) => [location, fresh],
  import: (location, fresh) => [location, fresh],
  export: (location, fresh) => [location, fresh, '--layout', 'wal', '--drop-signing-state'],
  'migrate --dry-run': (location) => [location, '--dry-run'],
  snapshot: (location, fresh) => [location, fresh],
  'release --dry-run': (location) => [location, '--as-is', '--reason', 'test', '--signer', SIGNER, '--dry-run'],
  'handover request': (location) => ['request', location],
  'votes show': (location) => ['show', location],
};
/** Verbs that change a store that they take. */
const WRITERS: typeof READERS = {
  compact: (location) => [location, '--yes'],
  'accept-rollback': (location) => [location, '--seq', '3', '--yes'],
  replay: (location) => [fixture('wal', 'rounds.jsonl'), location],
};

/** Makes every kind of location in `dir`. Resolves with a function that unlocks the locked one. */
async function locations(dir: string): Promise<() => Promise<void>> {
  mkdirSync(dir);
  const at = (kind: string) => join(dir, kind);
  assert.is(run('import', fixture('wal', 'state'), at('a store')).status, 0);
  for (const kind of ['spaces and Ünïcødé ☃', 'newer format', 'damaged', 'locked', ...GUARDED])
    cpSync(at('a store'), at(kind), { recursive: true });
  symlinkSync('a store', at('its symbolic link'));
  writeFileSync(at('a file'), 'no store');
  mkdirSync(at('empty'));
  mkdirSync(at('another LevelDB'));
  const foreign = new ClassicLevel(join(at('another LevelDB'), 'level'));
  await foreign.put('key', 'value');
  await foreign.close();
  cpSync(fixture('wal', 'state'), at('wal'), { recursive: true });
  cpSync(fixture('file-per-entry', 'state'), at('file-per-entry'), { recursive: true });
  await (await openLevel(at('another model'), { model: ledger })).close();
  await rewriteBody(at('newer format'), 'meta/schema', (body) => ({ ...body, format: 3 }));
  await rawBatch(at('damaged'), [{ type: 'del', key: 'qc/00000000000000000035' }]);
  for (const name of readdirSync(at('read-only'), { recursive: true, encoding: 'utf8' }))
    chmodSync(join(at('read-only'), name), statSync(join(at('read-only'), name)).isFile() ? 0o444 : 0o555);
  chmodSync(at('read-only'), 0o555);
  chmodSync(at('unreadable'), 0o000);
  const store = await openLevel(at('locked'), { model: autobahn });
  return async () => {
    await store.close();
    // So that another user than root can remove them.
    for (const place of ['unreadable', 'read-only', join('read-only', 'level')]) chmodSync(at(place), 0o755);
  };
}

/**
 * The files of all locations but the unreadable and the locked one: a process that closes a lock
 * file that it has read gives up its own lock on it.
 */
function contentOf(dir: string): Map<string, string>[] {
  return readdirSync(dir)
    .filter((kind) => kind !== 'locked' && kind !== 'unreadable' && statSync(join(dir, kind)).isDirectory())
    .map((kind) => tree(join(dir, kind)));
}

/** The exit code, and the error code if there is one. */
function outcome({ status, stderr }: Result): string {
  const [, code] = /^LANESTORE_(\w+): /m.exec(stderr) ?? [];
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** The rows of the page: one for each verb, one column for each kind of location. */
function expected(): Map<string, string[]> {
  const page = readFileSync(join(packageRoot, 'docs/locations.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  return new Map(
    rows.map((row) => {
      const [verb = '', ...cells] = row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', ''));
      return [verb, cells];
    }),
  );
}

/** The outcomes of the verbs for these kinds of locations. */
async function outcomes(
  dir: string,
  verbs: typeof READERS,
  kinds: readonly string[],
  user: typeof UNPRIVILEGED,
): Promise<Map<string, string[]>> {
  mkdirSync(dir);
  chmodSync(dir, 0o777);
  const unlock = await locations(join(dir, 'in'));
  try {
    const before = contentOf(join(dir, 'in'));
    const rows = Object.entries(verbs).map(async ([name, argsOf], number) => {
      const lines = kinds.map((kind, place) => [
        name.split(' ')[0] ?? '',
        ...argsOf(join(dir, 'in', kind), join(dir, `out-${number}-${place}`)),
      ]);
      const results = await runLines(dir, lines, user);
      for (const [place, result] of results.entries()) {
        const told = `${lines[place]?.join(' ')}: ${result.stderr}`;
        assert.not.match(result.stderr, /\n {4}at /, told);
        if ((result.status ?? 7) >= 3) assert.match(result.stderr, /\nwhat to do: /, told);
      }
      return [name, results.map(outcome)] as const;
    });
    const found = new Map(await Promise.all(rows));
    if (verbs === READERS) assert.equal(contentOf(join(dir, 'in')), before);
    return found;
  } finally {
    await unlock();
  }
}

test(
  'each verb ends as docs/locations.md says, and a verb that reads changes nothing',
  inTemp(async (dir) => {
    // Each verb that writes has locations of its own.
    const writers = Object.entries(WRITERS).map((writer) => Object.fromEntries([writer]));
    chmodSync(dir, 0o755);
    const guarded = canRunUnprivileged() ? GUARDED : [];
    if (guarded.length === 0)
      process.stdout.write('\n  skipped: permissions (another user cannot run this checkout)\n');
    for (const [number, verbs] of [READERS, ...writers].entries()) {
      const found = await outcomes(join(dir, String(number)), verbs, KINDS, {});
      const others = await outcomes(join(dir, `${number}-guarded`), verbs, guarded, UNPRIVILEGED);
      for (const [verb, cells] of others) found.get(verb)?.push(...cells);
      if (process.env.SHOW_LOCATIONS === '1') {
        for (const [verb, cells] of found) process.stdout.write(`| \`${verb}\` | ${cells.join(' | ')} |\n`);
        continue;
      }
      const page = expected();
      assert.equal(page.get('verb'), [...KINDS, ...GUARDED]);
      for (const [verb, cells] of found)
        assert.equal(cells, page.get(verb)?.slice(0, KINDS.length + guarded.length), verb);
    }
  }),
);

test.run();
