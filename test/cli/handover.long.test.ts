/** `handover` and `votes` as an operator runs them: a move, and everything that is not one. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openGuard, openLevel } from '../../src/index.js';
import { run, runLines } from '../support/cli.js';
import { makeNetwork } from '../support/network.js';
import { inTemp } from '../support/temp.js';
import { proposalMsg } from '../support/vote-messages.js';

const test = suite('cli: handover and votes');

const net = makeNetwork({ validators: 4 });
const QC = net.commitQC();
const NETWORK = ['--network', 'testnet-1'];

async function signing<T>(
  location: string,
  use: (guard: Awaited<ReturnType<typeof openGuard>>) => T,
  firstUse = false,
) {
  await using store = await openLevel(location, { model: autobahn });
  await using guard = await openGuard({ store, model: autobahn as never, key: net.secret(0), firstUse });
  if (firstUse) await store.persist({ commitQCs: [QC] });
  return await use(guard);
}

test(
  'moves the right to sign from one store to another; the old one signs nothing, and the file opens nothing twice',
  inTemp(async (dir) => {
    const [old, heir, file] = [join(dir, 'old'), join(dir, 'heir'), join(dir, 'history.json')];
    const vote = proposalMsg('prepareVote', 1, 0);
    await signing(old, (guard) => guard.round({ votes: [vote] }), true);
    assert.is(run('import', old, heir).status, 0);
    const asked = run('handover', 'request', heir);
    assert.match(asked.stdout, /^[0-9a-f]{32}@\d+\n$/);
    const to = asked.stdout.trim();
    const hand = ['handover', old, '--to', to, '--out', file, ...NETWORK];
    const dry = run(...hand, '--dry-run');
    assert.match(dry.stdout, /^signing history, live/);
    // What a dry run prints opens nothing: the old store still signs.
    writeFileSync(`${file}.dry`, run(...hand, '--dry-run', '--json').stdout);
    const early = run('votes', 'import', heir, `${file}.dry`, ...NETWORK, '--yes', '--json');
    assert.equal(JSON.parse(early.stdout).opened, []);
    assert.is(await signing(heir, (guard) => guard.test(vote)), 'quarantined');
    assert.is(await signing(old, (guard) => guard.test(vote)), 'again');
    const unsure = run(...hand);
    assert.is(unsure.status, 2, unsure.stderr);
    assert.match(unsure.stderr, /give --yes/);
    const done = run(...hand, '--yes');
    assert.is(done.status, 0, done.stderr);
    assert.match(done.stderr, /next: lanestore votes import/);
    assert.is(await signing(old, (guard) => guard.test(vote)), 'quarantined');
    // The file is lost: the same command writes it again.
    const again = run(...hand.slice(0, 4), '--out', `${file}.2`, ...NETWORK, '--yes');
    assert.is(again.status, 0, again.stderr);
    const plan = run('votes', 'import', heir, file, ...NETWORK, '--dry-run');
    assert.match(plan.stdout, /would open +rounds, app, lanes, own/);
    const brought = run('votes', 'import', heir, `${file}.2`, ...NETWORK, '--yes');
    assert.match(brought.stdout, /opened: rounds, app, lanes, own/);
    assert.is(await signing(heir, (guard) => guard.test(vote)), 'again');
    assert.match(run('votes', 'show', file).stdout, /network +testnet-1, autobahn\/11419398f/);
    assert.match(run('votes', 'show', old).stdout, /it was handed over to the store/);
    const live = run('votes', 'export', heir, ...NETWORK);
    assert.is(JSON.parse(live.stdout).kind, 'live');
    assert.is(run('votes', 'export', heir, ...NETWORK, '--out', `${file}.3`).status, 0);
    assert.equal(JSON.parse(readFileSync(`${file}.3`, 'utf8')).logs, JSON.parse(live.stdout).logs);
    assert.not(existsSync(`${file}.3.part`));
    const conflicts = run('votes', 'import', old, `${file}.3`, ...NETWORK, '--yes', '--json');
    assert.equal(JSON.parse(conflicts.stdout).opened, []);
  }),
);

test(
  'what is no move is refused, and says what is missing',
  inTemp(async (dir) => {
    const [store, file, cut] = [join(dir, 'store'), join(dir, 'history.json'), join(dir, 'cut.json')];
    await signing(store, () => undefined, true);
    assert.is(run('votes', 'export', store, ...NETWORK, '--out', file).status, 0);
    writeFileSync(cut, readFileSync(file).subarray(0, 200));
    const id = `${'0'.repeat(32)}@1`;
    const lines: readonly [readonly string[], number, RegExp][] = [
      [['handover', store], 2, /--out FILE is missing/],
      [['handover', store, '--out', file, '--to', id, ...NETWORK], 2, /exists: name a new file/],
      [['handover', store, '--out', cut.slice(1), '--to', id], 2, /--network NAME is missing/],
      [['handover', store, '--dry-run', '--to', 'ab', ...NETWORK], 2, /--to must be ID@SEQ/],
      [['handover', 'ask', store], 2, /usage: lanestore handover request NEW/],
      [['handover', 'request', store], 3, /the store signs already/],
      [['votes', 'look', store], 2, /usage: lanestore votes/],
      [['votes', 'show', join(dir, 'absent')], 3, /^LANESTORE_NOT_A_STORE: there is nothing at/],
      [['votes', 'show', cut], 3, /empty, cut, or another file/],
      [['votes', 'export', store, '--network', 'a b'], 2, /--network NAME is missing/],
      [['votes', 'export', store, file, ...NETWORK], 2, /usage: lanestore votes/],
      [['votes', 'import', store, file, '--network', 'other', '--yes'], 3, /of the network testnet-1, not other/],
      [['votes', 'import', store, cut, ...NETWORK, '--yes'], 3, /empty, cut, or another file/],
    ];
    const results = await runLines(
      dir,
      lines.map(([args]) => args),
    );
    for (const [i, [args, status, text]] of lines.entries()) {
      assert.is(results[i]!.status, status, `${args.join(' ')}: ${results[i]!.stderr}`);
      assert.match(results[i]!.stderr, text, args.join(' '));
    }
  }),
);

test.run();
