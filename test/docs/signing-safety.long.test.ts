/** The transcripts in docs/signing-safety.md match the output of the commands. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, fileWitness, openGuard, openLevel, snapshot } from '../../src/index.js';
import { makeNetwork } from '../support/network.js';
import { inTemp } from '../support/temp.js';
import { proposalMsg } from '../support/vote-messages.js';
import { cloneIn, readPage, settled } from './transcript.js';

const test = suite('docs/signing-safety.md');

/** What differs on every run. */
const masked = (output: string) =>
  settled(output).map((line) => line.replace(/[0-9a-f]{32}@/g, '<id>@').replace(/(store) +[0-9a-f]{32}\b/g, '$1 <id>'));

/** The commands of a page, those in lists too, with their outputs. */
function steps(page: string): { command: string; output: string }[] {
  const blocks = [...page.matchAll(/^( *)```console\n(.*?)^ *```$/gms)].map(([, indent = '', text = '']) =>
    text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
  return blocks.flatMap((text) =>
    text
      .split(/^\$ /m)
      .slice(1)
      .map((step) => ({ command: step.slice(0, step.indexOf('\n')), output: step.slice(step.indexOf('\n') + 1) })),
  );
}

async function prepare(dir: string): Promise<void> {
  const net = makeNetwork({ validators: 4 });
  const { keys } = net.committee;
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  writeFileSync(join(dir, 'validator.key'), `${hex(net.secret(0))}\n`);
  writeFileSync(join(dir, 'validators.txt'), keys.map((key) => `${hex(key)}\n`).join(''));
  const [state, restored] = [join(dir, 'state'), join(dir, 'restored')];
  const rounds = [0, 1, 2].map(() => ({
    blocks: [0, 1, 2, 3].map((lane) => net.block(lane, { payloadBytes: 9 })),
    commitQCs: [net.commitQC()],
  }));
  {
    await using store = await openLevel(state, { model: autobahn });
    await using guard = await openGuard({ store, model: autobahn, key: net.secret(0), firstUse: true });
    await store.persist(rounds[0]!);
    await guard.round({ votes: [proposalMsg('prepareVote', 1, 0)] });
  }
  await snapshot(state, restored, { model: autobahn });
  const places = ['a', 'b', 'c'].map((name) => `sink-${name}`);
  writeFileSync(join(dir, 'sinks.json'), `[${places.map((file) => `{ "file": "${file}" }`).join(', ')}]\n`);
  {
    const [lost, spare] = [join(dir, 'lost'), join(dir, 'spare')];
    await using store = await openLevel(lost, { model: autobahn });
    const sinks = places.map((place) => fileWitness(join(dir, place), { name: `file:${place}` }));
    const options = { sinks, network: 'testnet-1', firstUse: true };
    await using guard = await openGuard({ store, model: autobahn, key: net.secret(0), ...options });
    await store.persist(rounds[0]!);
    await snapshot(lost, spare, { model: autobahn });
    await guard.round({ votes: [proposalMsg('prepareVote', 1, 0)] });
    await guard.round({ votes: [{ kind: 'timeoutVote', value: { view: { index: 1n, number: 0n } } }] });
  }
  await using store = await openLevel(restored, { model: autobahn });
  await using guard = await openGuard({ store, model: autobahn, key: net.secret(0) });
  for (const key of keys.slice(1)) await guard.answer(key, { next: 2n, own: 3n });
  await store.persist(rounds[1]!);
  await store.persist(rounds[2]!);
}

test(
  'every command prints the output on the page',
  inTemp(async (dir) => {
    const run = cloneIn(dir);
    const page = readPage('signing-safety.md');
    const [, script = ''] = /^```js vote\.mjs\n(.*?)^```$/ms.exec(page) ?? [];
    writeFileSync(join(dir, 'vote.mjs'), script);
    await prepare(dir);
    const found = steps(page);
    assert.ok(found.length >= 16, `${found.length} commands`);
    for (const { command, output } of found) assert.equal(masked(run(command)), masked(output), `$ ${command}`);
  }),
);

test.run();
