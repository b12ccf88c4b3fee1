/**
 * docs/schemas: the output of every verb with `--json`, on sound, damaged, absent and other
 * locations, fits the schema of the verb, and every property of a schema is in some output.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ledger } from '../../examples/own-types/model.js';
import { autobahn, fileWitness, openGuard, openLevel, type WitnessSink } from '../../src/index.js';
import { blockKey } from '../../src/keys/index.js';
import { copySeiState } from '../migrations/sei-states.js';
import { unpackStore } from '../migrations/stores-1580faa.js';
import { begin, jsonLines, MAIN, type Result, run, runLines } from '../support/cli.js';
import { rawBatch } from '../support/faults.js';
import { fixture, packageRoot } from '../support/fixtures.js';
import { misfit, type Schema } from '../support/json-schema.js';
import { makeNetwork } from '../support/network.js';
import { inTemp } from '../support/temp.js';
import { proposalMsg } from '../support/vote-messages.js';

const test = suite('docs/schemas');

const FOLDER = join(packageRoot, 'docs/schemas');
const SCHEMAS: ReadonlyMap<string, Schema> = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => [name, readSchema(name)]),
);
/** The schema of a signing history has its own test. */
const HISTORY = '../signing-history/schema.json';
const FILES = new Map([...SCHEMAS, [HISTORY, readSchema(HISTORY)]]);
function readSchema(name: string): Schema {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));
}

/** Verbs that print one JSON value a line. */
const LINES: readonly string[] = ['ls', 'lane', 'diff', 'watch'];
/**
 * Properties that need damage, or events of a network, that no row here makes: tests of the code
 * that writes them check their values.
 */
const RARE: readonly string[] = [
  'common.json/finding.offset',
  'common.json/finding.log',
  'common.json/logState.floor',
  'common.json/sinkSet.former',
  'common.json/formerSet.names',
  'common.json/formerSet.quorum',
  'common.json/quarantine.answers',
  'common.json/peerAnswer.next',
  'common.json/peerAnswer.own',
  'release.json.pending',
  'diff.json/divergence.number',
  'diff.json/divergence.versions',
];
/** A verb without JSON: it prints a script for a shell. */
const WITHOUT: readonly string[] = ['complete'];

const EXAMPLE = fileURLToPath(new URL('../../examples/own-types/model.js', import.meta.url));
const network = makeNetwork({ validators: 4 });
const FIRST_QC = network.commitQC();
const LANE = '2bd4';
const LANE_REST = 'e778e505998cbe6a052353e359648370d4cdbf51f3c8c986e4ce9fbeb8fe';

/** Opens a store and its guard, and signs a vote. */
async function sign(location: string, sinks: readonly WitnessSink[] = []): Promise<void> {
  await using store = await openLevel(location, { model: autobahn });
  const witnessed = sinks.length === 0 ? {} : { sinks, network: 'testnet-1' };
  const options = { store, model: autobahn as never, key: network.secret(0), firstUse: store.seq === 0n, ...witnessed };
  await using guard = await openGuard(options);
  if (store.cursors.commitQCs.next === 0n) await store.persist({ commitQCs: [FIRST_QC] });
  await guard.round({ votes: [proposalMsg('prepareVote', 1, 0)] });
}

type Output = readonly [args: string, result: Result];

/** Makes the locations in `dir`: named as in the commands of {@link COMMANDS}. */
async function makeLocations(dir: string): Promise<void> {
  const at = (name: string) => join(dir, name);
  assert.is(run('import', fixture('wal', 'state'), at('sound')).status, 0);
  cpSync(fixture('wal', 'state'), at('wal'), { recursive: true });
  copySeiState('ordinary', dir, 'newer');
  for (const name of ['damaged', 'rolled-back', 'quarantined']) cpSync(at('sound'), at(name), { recursive: true });
  await rawBatch(at('damaged'), [
    { type: 'del', key: 'qc/00000000000000000035' },
    { type: 'put', key: 'anchor', value: new Uint8Array(9) },
    { type: 'del', key: blockKey(`${LANE}${LANE_REST}`, 40n) },
  ]);
  writeFileSync(at('rounds'), readFileSync(fixture('wal', 'rounds.jsonl')));
  const ahead = await openLevel(at('sound'), { model: autobahn });
  await ahead.persist({ inner: new Uint8Array(9) });
  await ahead.close();
  cpSync(join(at('sound'), 'witness'), join(at('rolled-back'), 'witness'));
  const separated = await openLevel(at('separated'), {
    model: autobahn,
    values: { valueBytesMin: 1024, batchBytesMin: 1024 },
  });
  await separated.persist({ blocks: [network.block(0, { payloadBytes: 4096 })] });
  await separated.close();
  await sign(at('signer'));
  assert.is(run('import', at('signer'), at('heir')).status, 0);
  assert.is(run('snapshot', at('signer'), at('restored')).status, 0);
  const sinks = [fileWitness(at('one'), { name: 'one' }), fileWitness(at('two'), { name: 'two' })];
  await sign(at('witnessed'), sinks);
  const named = ['one', 'two'].map((name) => ({ file: at(name), name }));
  writeFileSync(at('sinks.json'), JSON.stringify(named));
  writeFileSync(
    at('broken.json'),
    JSON.stringify([
      { file: at('one'), name: 'one' },
      { file: '/dev/null/two', name: 'two' },
    ]),
  );
  unpackStore('inline', at('format-1'));
  const own = await openLevel(at('own'), { model: ledger });
  const author = new Uint8Array(20).fill(1);
  const from = [{ author, sequence: 0n }];
  await own.persist({ blocks: [{ author, sequence: 0n, items: [] }], commitQCs: [{ round: 0n, from }] });
  await own.persist({ anchor: { stateHash: new Uint8Array(32), certificate: { round: 0n, from } } });
  await own.close();
  writeFileSync(at('model.mjs'), `export { ledger as model } from ${JSON.stringify(EXAMPLE)};\n`);
  writeFileSync(at('token'), 'a-token-of-operators-of-validators', { mode: 0o600 });
}

/** A row: the arguments, in a directory that {@link makeLocations} filled, and the exit code. */
type Row = readonly [args: string, status: number];

const KEY = `lane/${LANE}/38`;
const COMMANDS: readonly Row[] = [
  ...['sound', 'wal', 'newer'].map((name): Row => [`inspect ${name}`, 0]),
  ...['damaged', 'rolled-back'].map((name): Row => [`inspect ${name}`, 1]),
  ['inspect witnessed', 0],
  ['inspect sound --quick', 0],
  ['inspect sound --disk', 0],
  ['inspect absent', 3],
  ['health sound', 0],
  ['health rolled-back', 1],
  ['verify sound', 0],
  ['verify newer', 0],
  ['verify damaged', 1],
  ['verify rolled-back', 1],
  ['ls sound', 0],
  ['ls separated', 0],
  ['ls newer', 0],
  ['ls damaged', 1],
  ['ls sound lane/ff', 5],
  [`get sound ${KEY}`, 0],
  ['get sound qc/35', 0],
  ['get sound anchor', 0],
  ['get sound inner', 0],
  ['get sound meta/tip', 0],
  ['get newer data/block/1034', 0],
  ['get damaged anchor', 1],
  ['get sound qc/99', 5],
  ['get', 2],
  ['find sound qc/35', 0],
  ['find signer inner', 5],
  ['find sound inner', 0],
  ['find damaged anchor', 1],
  ['stats sound', 0],
  ['watch sound --interval 1 --count 2', 0],
  ['bundle sound bundle.tar', 0],
  ['bundle damaged damaged.tar', 1],
  ['compact separated --dry-run', 0],
  ['compact separated --yes', 0],
  ['stats separated', 0],
  ['lane sound 2bd4', 0],
  ['lane sound 99', 5],
  ['lane damaged 2bd4', 1],
  ['round sound 35', 0],
  ['round sound 39', 0],
  ['round damaged 35', 1],
  ['manifest wal', 0],
  ['manifest newer', 0],
  ['manifest signer', 0],
  ['manifest own --model model.mjs', 0],
  ['diff sound sound', 0],
  ['diff sound wal signer', 4],
  ['diff sound wal', 4],
  ['diff sound signer', 4],
  ['import wal imported', 0],
  ['import wal imported', 3],
  ['export sound exported --layout wal-crc --drop-signing-state', 0],
  ['migrate sound --dry-run', 0],
  ['migrate format-1 --dry-run', 0],
  ['snapshot sound snapshot', 0],
  ['accept-rollback rolled-back --seq 3 --yes', 0],
  ['accept-rollback sound --seq 3 --yes', 3],
  ['votes export signer --network testnet-1 --out live.json', 0],
  ['votes import restored live.json --network testnet-1 --dry-run', 0],
  ['release restored --as-is --reason test --dry-run', 0],
  ['release restored --as-is --reason test --yes', 0],
  ['votes show sound', 0],
  ['votes show signer', 0],
  ['votes show restored', 0],
  ['votes show witnessed', 0],
  ['votes show absent', 3],
  ['votes export signer --network testnet-1', 0],
  ['votes export witnessed --network testnet-1 --out witnessed.json', 0],
  ['votes show live.json', 0],
  ['votes import restored live.json --network testnet-1 --dry-run', 0],
  ['votes import restored live.json --network testnet-1 --yes', 0],
  ['votes import witnessed --sinks sinks.json --network testnet-1 --dry-run', 0],
  ['votes import witnessed --sinks broken.json --network testnet-1 --dry-run', 0],
  ['votes forget-sinks witnessed --reason test --dry-run', 0],
  ['votes forget-sinks witnessed --reason test --yes', 0],
  ['handover request heir', 0],
  ['replay rounds replayed', 0],
  ['bench', 0],
  ['version', 0],
  ['help', 0],
  ['insepct', 2],
];

/** Runs all commands in `dir`. */
async function outputs(dir: string): Promise<Output[]> {
  await makeLocations(dir);
  const results = await runLines(
    dir,
    COMMANDS.map(([args]) => [...args.split(' '), '--json']),
  );
  const found = COMMANDS.map(([args, status], place): Output => {
    const result = results[place]!;
    assert.is(result.status, status, `${args}: ${result.stderr}`);
    return [args, result];
  });
  // The new store asks; the old one hands over; its history opens the new one.
  const request = JSON.parse(found.find(([args]) => args === 'handover request heir')![1].stdout);
  const to = `${request.store}@${request.seq}`;
  for (const args of [
    `handover signer --to ${to} --out final.json --network testnet-1 --dry-run`,
    `handover signer --to ${to} --out final.json --network testnet-1 --yes`,
    'votes import heir final.json --network testnet-1 --yes',
  ]) {
    const [result] = await runLines(dir, [[...args.split(' '), '--json']]);
    assert.is(result!.status, 0, `${args}: ${result!.stderr}`);
    found.push([args, result!]);
  }
  const demo = await begin(dir, 'demo', '--pace-ms', '20', '--json');
  assert.is(demo.status, 0, demo.stderr);
  found.push(['demo', demo]);
  for (const args of [
    'serve sound --token-file token',
    'witness-server served --listen 127.0.0.1:0 --token-file token',
  ])
    found.push([args, { status: 0, stdout: await firstLine(dir, args), stderr: '' }]);
  return found;
}

/** The first line of a command that runs until it is killed. */
async function firstLine(cwd: string, args: string): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args.split(' '), '--json'], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const errors = text(child.stderr);
  try {
    for await (const line of createInterface(child.stdout)) return line;
    throw new Error(await errors);
  } finally {
    child.kill();
    await closed;
  }
}

/** The JSON values of an output: one, or one a line. */
function valuesOf(verb: string, { stdout }: Result): unknown[] {
  if (stdout === '') return [];
  // diff of more than two states prints one value.
  const isOneValue = !LINES.includes(verb) || stdout.startsWith('{\n');
  return isOneValue ? [JSON.parse(stdout)] : jsonLines(stdout);
}

/** The named properties of a schema with the path of each. */
function* propertiesOf(rule: Schema, at: string): Generator<[path: string, rule: Schema]> {
  for (const [keyword, value] of Object.entries(rule)) {
    if (typeof value !== 'object' || value === null) continue;
    if (keyword === 'properties')
      for (const [name, own] of Object.entries(value as Record<string, Schema>)) yield [`${at}.${name}`, own];
    yield* propertiesOf(value as Schema, keyword === 'properties' || keyword === '$defs' ? at : `${at}/${keyword}`);
  }
}

test('each verb has a schema', () => {
  const { commands } = JSON.parse(run('help', '--json').stdout) as { commands: readonly { name: string }[] };
  const verbs = commands.map(({ name }) => name).filter((name) => !WITHOUT.includes(name));
  const shared = ['common', 'error'];
  assert.equal([...SCHEMAS.keys()].sort(), [...verbs, ...shared].map((name) => `${name}.json`).sort());
});

test(
  'each output of each verb fits its schema, errors too, and each property of a schema is in some output',
  inTemp(async (dir) => {
    const seen = new Set<Schema>();
    const fit = (value: unknown, name: string, told: string) => {
      const root = SCHEMAS.get(name)!;
      assert.is(
        misfit(value, root, { root, files: FILES, seen }),
        undefined,
        `${told}: ${JSON.stringify(value).slice(0, 500)}`,
      );
    };
    const found = await outputs(dir);
    for (const [args, result] of found) {
      const [verb = ''] = args.split(' ');
      for (const value of valuesOf(verb, result)) fit(value, `${verb}.json`, args);
      const errors = result.stderr.split('\n').filter((line) => line.startsWith('{'));
      for (const error of errors) fit(JSON.parse(error), 'error.json', args);
      if (result.status !== 0) assert.ok(errors.length === 1 || result.stdout !== '', `${args}: ${result.stderr}`);
    }
    const verbs = new Set(found.map(([args]) => `${args.split(' ')[0]}.json`));
    for (const name of SCHEMAS.keys())
      assert.ok(verbs.has(name) || name === 'common.json' || name === 'error.json', `no command runs ${name}`);
    const unseen = [...SCHEMAS]
      .flatMap(([name, schema]) => [...propertiesOf(schema, name)])
      .filter(([, rule]) => !seen.has(rule))
      .map(([path]) => path);
    assert.equal(
      unseen.filter((path) => !RARE.includes(path)),
      [],
    );
  }),
);

test.run();
