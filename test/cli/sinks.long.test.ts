/** `witness-server`, `votes import --sinks` and `votes forget-sinks`, as an operator runs them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  autobahn,
  fileWitness,
  httpWitness,
  openGuard,
  openLevel,
  snapshot,
  type WitnessSink,
} from '../../src/index.js';
import { begin, MAIN, run, runLines } from '../support/cli.js';
import { makeNetwork } from '../support/network.js';
import { inTemp } from '../support/temp.js';
import { proposalMsg } from '../support/vote-messages.js';

const test = suite('cli: sinks');

const net = makeNetwork({ validators: 4 });
const NETWORK = ['--network', 'testnet-1'];
const TOKEN = 'a-token-of-operators';

/** A server of its own process. */
async function serve(dir: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const tokenFile = join(dir, 'token');
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  const args = ['witness-server', join(dir, 'served'), '--listen', '127.0.0.1:0', '--token-file', tokenFile];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  for await (const line of createInterface(child.stdout)) {
    return { child, url: line.replace('listening on ', '') };
  }
  throw new Error(await text(child.stderr));
}

async function signing<T>(
  location: string,
  sinks: readonly WitnessSink[] | undefined,
  use: (guard: Awaited<ReturnType<typeof openGuard>>) => Promise<T> | T,
) {
  await using store = await openLevel(location, { model: autobahn });
  const witnessed = sinks === undefined ? {} : { sinks, network: 'testnet-1' };
  const options = { store, model: autobahn as never, key: net.secret(0), firstUse: store.seq === 0n, ...witnessed };
  await using guard = await openGuard(options);
  if (store.cursors.commitQCs.next === 0n) await store.persist({ commitQCs: [net.commitQC()] });
  return await use(guard);
}

test(
  'a lost machine: the snapshot is brought up by the sinks, and signs on',
  inTemp(async (dir) => {
    const { child, url } = await serve(dir);
    const stderr = text(child.stderr!);
    try {
      const [state, backup, file] = [join(dir, 'state'), join(dir, 'backup'), join(dir, 'sinks.json')];
      const sinks = () => [
        httpWitness({ url, token: TOKEN, name: 'one' }),
        fileWitness(join(dir, 'two'), { name: 'two' }),
      ];
      const vote = proposalMsg('prepareVote', 1, 0);
      await signing(state, sinks(), async (guard) => {
        await snapshot(state, backup, { model: autobahn });
        await guard.round({ votes: [vote] });
      });
      writeFileSync(
        file,
        JSON.stringify([
          { url, tokenFile: 'token', name: 'one' },
          { file: join(dir, 'two'), name: 'two' },
        ]),
      );
      const imported = ['votes', 'import', backup, '--sinks', file, ...NETWORK];
      const dry = await begin(dir, ...imported, '--dry-run');
      assert.match(dry.stdout, /sink one holds batch \d+\nsink two holds batch \d+\nsigning history, sink/);
      assert.match(dry.stdout, /would open +rounds, app, lanes, own/);
      const unsure = await begin(dir, ...imported);
      assert.is(unsure.status, 2, unsure.stderr);
      const done = await begin(dir, ...imported, '--yes');
      assert.is(done.status, 0, done.stderr);
      assert.match(done.stdout, /opened: rounds, app, lanes, own/);
      await signing(backup, sinks(), (guard) => assert.is(guard.test(vote), 'again'));
      assert.match(run('votes', 'show', backup).stdout, /sinks +2 of one, two/);
      const forgotten = await begin(dir, 'votes', 'forget-sinks', backup, '--reason', 'burnt', '--yes');
      assert.is(forgotten.status, 0, forgotten.stderr);
      await signing(backup, undefined, (guard) => assert.is(guard.test(vote), 'again'));
    } finally {
      child.kill('SIGTERM');
    }
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.is(code, 0);
    const said = await stderr;
    assert.match(said, /SIGTERM: answering the calls under way/);
    assert.not(said.includes(TOKEN));
  }),
);

test(
  'a second signal ends a server at once',
  inTemp(async (dir) => {
    const { child, url } = await serve(dir);
    const { port } = new URL(url);
    // A call that never ends keeps the server from closing.
    const socket = (await import('node:net')).connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      socket.write('POST /v1/witness HTTP/1.1\r\n', () => resolve());
    });
    const stderr = createInterface(child.stderr!);
    child.kill('SIGINT');
    for await (const line of stderr) if (/SIGINT/.test(line)) break;
    child.kill('SIGINT');
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    assert.ok(signal === 'SIGINT' || code === 0 || code === 130, `${code} ${signal}`);
    socket.destroy();
  }),
);

test(
  'bad input is refused, and says what to do',
  inTemp(async (dir) => {
    const write = (name: string, content: string) => {
      writeFileSync(join(dir, name), content, { mode: 0o600 });
      return join(dir, name);
    };
    const token = write('good', TOKEN);
    mkdirSync(join(dir, 'store'));
    const server = (...args: string[]) => ['witness-server', join(dir, 'w'), ...args];
    const imports = (content: string) => [
      'votes',
      'import',
      join(dir, 'x'),
      '--sinks',
      write(`${content.length}`, content),
      ...NETWORK,
    ];
    const cases: [string[], number, RegExp][] = [
      [server('--token-file', token), 2, /--listen/],
      [server('--listen', '127.0.0.1', '--token-file', token), 2, /--listen/],
      [server('--listen', '127.0.0.1:70000', '--token-file', token), 2, /--listen/],
      [server('--listen', '127.0.0.1:0'), 2, /--token-file FILE is missing/],
      [server('--listen', '127.0.0.1:0', '--token-file', join(dir, 'none')), 3, /cannot be read/],
      [server('--listen', '127.0.0.1:0', '--token-file', write('short', 'short')), 3, /16 to 512/],
      [server('--listen', '127.0.0.1:0', '--token-file', write('two', 'one-long-enough two')), 3, /16 to 512/],
      [server('--listen', '127.0.0.1:0', '--token-file', token, '--names', 'a,'), 2, /empty name/],
      [server('--listen', '203.0.113.1:0', '--token-file', token), 3, /cannot listen on 203\.0\.113\.1/],
      [imports('['), 3, /it is no JSON/],
      [imports('[]'), 3, /no JSON array of sinks/],
      [imports('[{ }]'), 3, /neither \{ file \} nor/],
      [imports('[{"postgres":"postgres://h/db","file":"a"}]'), 3, /neither/],
      [imports('[{"file":"a","table":"t"}]'), 3, /neither/],
      [imports('[{"postgres":"http://h/db"}]'), 3, /no URL like postgres/],
      [imports('[{"postgres":"postgres://h/db?store=x"}]'), 3, /no URL like postgres/],
      [imports('[{"postgres":"postgres://u:one-long-enough@h/db"}]'), 3, /PGPASSWORD or PGPASSFILE/],
      [imports('[{"postgres":"postgres://h/db?password=one-long-enough"}]'), 3, /PGPASSWORD or PGPASSFILE/],
      [imports('[{"postgres":"postgres://h/db","table":"T"}]'), 3, /lowercase/],
      [imports('[{"file":"a","extra":1}]'), 3, /unknown field extra/],
      [imports('[{"url":"http://h"}]'), 3, /neither/],
      [imports('[{"url":"http://h","tokenFile":"gone"}]'), 3, /gone cannot be read/],
      [['votes', 'import', join(dir, 'x'), '--sinks', join(dir, 'none'), ...NETWORK], 3, /cannot be read/],
      [['votes', 'import', join(dir, 'x'), join(dir, 'f'), '--sinks', 'y', ...NETWORK], 2, /usage/],
      [['votes', 'forget-sinks', join(dir, 'store')], 2, /--reason/],
      [
        ['votes', 'import', join(dir, 'x'), '--sinks', write('s', '[{"file":"a"}]'), ...NETWORK, '--signer', 'x'],
        2,
        /--signer/,
      ],
    ];
    const results = await runLines(
      dir,
      cases.map(([args]) => args),
    );
    for (const [i, [args, status, message]] of cases.entries()) {
      const { stderr, status: got } = results[i]!;
      assert.is(got, status, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, message);
      assert.not(stderr.includes('one-long-enough'));
    }
    chmodSync(token, 0o644);
    const shown = spawn(process.execPath, [MAIN, ...server('--listen', '127.0.0.1:0', '--token-file', token)]);
    for await (const line of createInterface(shown.stderr)) {
      assert.match(line, /others may read/);
      break;
    }
    shown.kill('SIGTERM');
    await once(shown, 'exit');
  }),
);

test.run();
