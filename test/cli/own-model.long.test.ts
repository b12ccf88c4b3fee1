/** Stores of a node's own types: with `--model`, and what can be read without it. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ledger } from '../../examples/own-types/model.js';
import { isLanestoreError, laneIdOf, openLevel, openView, rawModel, verify } from '../../src/index.js';
import { begin, type CommandLines, jsonLines, type Result, runLines } from '../support/cli.js';
import { rawBatch } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: own types');
const EXAMPLE = fileURLToPath(new URL('../../examples/own-types/model.js', import.meta.url));
const AUTHORS = [1, 2].map((fill) => new Uint8Array(20).fill(fill));
const [LANE = ''] = AUTHORS.map(laneIdOf);

/** The verbs that the first test runs. */
const READING_VERBS = ['inspect', 'ls', 'get', 'verify', 'manifest', 'diff', 'lane', 'round', 'snapshot'];

/** A store of the example's types, and the module that exports them. */
async function ownStore(dir: string): Promise<{ location: string; model: string }> {
  const [location, model] = [join(dir, 'store'), join(dir, 'my-model.mjs')];
  writeFileSync(model, `export { ledger as model } from ${JSON.stringify(EXAMPLE)};\n`);
  const store = await openLevel(location, { model: ledger });
  const from = (sequence: bigint) => AUTHORS.map((author) => ({ author, sequence }));
  await store.persist({
    blocks: AUTHORS.flatMap((author) =>
      [0n, 1n, 2n].map((sequence) => ({ author, sequence, items: [new Uint8Array([7])] })),
    ),
    commitQCs: [0n, 1n].map((round) => ({ round, from: from(round) })),
  });
  await store.persist({ anchor: { stateHash: new Uint8Array(32), certificate: { round: 1n, from: from(1n) } } });
  await store.close();
  return { location, model };
}

function lines(dir: string, commands: CommandLines): Promise<Result[]> {
  return runLines(dir, commands);
}

test(
  'with --model the verbs that show a store read it as one of its own',
  inTemp(async (dir) => {
    const { location, model } = await ownStore(dir);
    const options = ['--model', model];
    const key = `lane/${LANE}/1`;
    const [inspect, ls, get, verified, manifest, diff, lane, round, snapshot] = (await lines(dir, [
      ['inspect', location, ...options, '--json'],
      ['ls', location, ...options, '--json'],
      ['get', location, key, ...options, '--json'],
      ['verify', location, ...options, '--json'],
      ['manifest', location, ...options],
      ['diff', location, location, ...options],
      ['lane', location, LANE, ...options, '--json'],
      ['round', location, '1', ...options, '--json'],
      ['snapshot', location, join(dir, 'snapshot'), ...options],
    ])) as [Result, Result, Result, Result, Result, Result, Result, Result, Result];
    for (const { status, stderr } of [inspect, ls, get, verified, manifest, diff, lane, round, snapshot])
      assert.is(status, 0, stderr);
    const found = JSON.parse(inspect.stdout);
    assert.equal([found.model, found.anchor, found.isDecoded], ['ledger/1', '1', true]);
    assert.ok(jsonLines(ls.stdout).some((entry) => entry.kind === 'commitQC'));
    assert.is(JSON.parse(get.stdout).value.sequence, '1');
    assert.is(JSON.parse(verified.stdout).findingsTotal, 0);
    const { anchor, lanes } = JSON.parse(manifest.stdout);
    assert.is(anchor.body.certificate.round, '1');
    assert.equal(
      lanes[LANE].map(({ number }: { number: string }) => number),
      ['1', '2'],
    );
    assert.equal(
      jsonLines(lane.stdout).map(({ number, road }) => [number, road]),
      [
        ['1', null],
        ['2', null],
      ],
    );
    assert.is(JSON.parse(round.stdout).lanes.length, 2);
  }),
);

test(
  'the verbs that copy, convert, sign or find take --model too, and no verb with it is left out',
  inTemp(async (dir) => {
    const { location, model } = await ownStore(dir);
    const rolledBack = join(dir, 'rolled-back');
    cpSync(location, rolledBack, { recursive: true });
    const store = await openLevel(location, { model: ledger });
    await store.persist({ commitQCs: [{ round: 2n, from: [] }] });
    await store.close();
    cpSync(join(location, 'witness'), join(rolledBack, 'witness'));
    const key = '01'.repeat(32);
    const release = ['release', location, '--as-is', '--reason', 'test', '--signer', key, '--dry-run'];
    const commands = [
      ['find', location, `lane/${LANE}/1`],
      ['import', location, join(dir, 'imported')],
      ['export', location, join(dir, 'exported'), '--layout', 'wal', '--drop-signing-state'],
      ['migrate', location, '--dry-run'],
      ['compact', location, '--dry-run'],
      ['bundle', location, join(dir, 'bundle.tar')],
      ['handover', 'request', location],
      ['votes', 'show', location],
      ['accept-rollback', rolledBack, '--seq', '2', '--yes'],
      release,
    ];
    const results = await lines(dir, [
      ...commands.map((command) => [...command, '--model', model, '--json']),
      ['help', '--json'],
    ]);
    const [help, refused] = [results.pop()!, results.pop()!];
    for (const [place, { status, stderr }] of results.entries()) assert.is(status, 0, `${commands[place]}: ${stderr}`);
    // The model was read: it is the reason.
    assert.match(JSON.parse(refused.stderr).message, /the model of this store has no votes/);
    const listed: readonly { name: string; help: string[] }[] = JSON.parse(help.stdout).commands;
    const takers = listed.filter(({ help: text }) => text.some((line) => line.startsWith('--model FILE')));
    assert.equal(
      takers.map(({ name }) => name).sort(),
      [...READING_VERBS, ...commands.map(([name]) => name)].sort(),
      'each verb that takes --model is run with it here',
    );
  }),
);

test(
  'without --model the structure of the store is checked, and the output says so',
  inTemp(async (dir) => {
    const { location } = await ownStore(dir);
    const damaged = join(dir, 'damaged');
    cpSync(location, damaged, { recursive: true });
    await rawBatch(damaged, [{ type: 'del', key: 'qc/00000000000000000001' }]);
    const key = `lane/${LANE}/1`;
    const [inspect, json, ls, get, verified, lost, lane, round, manifest, signatures] = (await lines(dir, [
      ['inspect', location],
      ['inspect', location, '--json'],
      ['ls', location],
      ['get', location, key, '--json'],
      ['verify', location],
      ['verify', damaged, '--json'],
      ['lane', location, LANE],
      ['round', location, '1'],
      ['manifest', location],
      ['verify', location, '--signatures', '--committee', fixture('wal', 'expected.json')],
    ])) as Result[] as [Result, Result, Result, Result, Result, Result, Result, Result, Result, Result];
    for (const { status, stderr } of [inspect, json, ls, get, verified]) {
      assert.is(status, 0, stderr);
      if (stderr !== '')
        assert.match(stderr, /^note: the model(?: "ledger\/1")? of the store is unknown: .*--model FILE/);
    }
    const { isDecoded, anchor, notes } = JSON.parse(json.stdout);
    assert.equal([isDecoded, anchor], [false, null]);
    assert.match(notes.at(-1), /"ledger\/1" of the store is unknown/);
    assert.is(JSON.parse(get.stdout).value.sequence, '1');
    assert.is(lost.status, 1);
    assert.equal(
      JSON.parse(lost.stdout).findings.map(({ kind }: { kind: string }) => kind),
      ['missing'],
    );
    for (const { status, stderr } of [lane, round, manifest]) {
      assert.is(status, 3, stderr);
      assert.match(stderr, /^LANESTORE_SCHEMA: .*\nwhat to do: .*--model FILE/);
    }
    assert.is(signatures.status, 3);
    assert.match(signatures.stderr, /signatures cannot be checked without the model/);
  }),
);

test(
  'a file that is no model is refused by its name, and nothing is changed',
  inTemp(async (dir) => {
    const { location, model } = await ownStore(dir);
    const cases: readonly (readonly [text: string | undefined, message: RegExp])[] = [
      [undefined, /there is no file .*0\.mjs/],
      ["throw new Error('on fire');\n", /1\.mjs cannot be loaded: on fire/],
      ['export const model = ;\n', /2\.mjs cannot be loaded: /],
      ['export const other = 1;\n', /3\.mjs does not export "model"/],
      ["export const model = { name: 'x' };\n", /4\.mjs: model\.block must/],
      ["export const model = 'x';\n", /5\.mjs: model must be a model/],
      [`export { ledger as model } from ${JSON.stringify(EXAMPLE)}; export const checks = 7;\n`, /6\.mjs: checks must/],
      [
        `export { ledger as model } from ${JSON.stringify(EXAMPLE)}; export const checks = { blok() {} };\n`,
        /7\.mjs: checks\.blok must/,
      ],
    ];
    const commands = cases.map(([text], number) => {
      const file = join(dir, `${number}.mjs`);
      if (text !== undefined) writeFileSync(file, text);
      return ['inspect', location, '--model', file, '--json'];
    });
    const before = readdirSync(location).sort();
    const results = await lines(dir, commands);
    for (const [place, [, message]] of cases.entries()) {
      const { status, stdout, stderr } = results[place]!;
      assert.equal([status, stdout], [3, ''], `${place}: ${stderr}`);
      const { code, message: text, remedy } = JSON.parse(stderr);
      assert.is(code, 'LANESTORE_INVALID');
      assert.match(text, message);
      assert.match(remedy, /exports `model`/);
    }
    assert.equal(readdirSync(location).sort(), before);
    const other = await begin(dir, 'health', location, '--model', model);
    assert.is(other.status, 2, 'health reads no entries, so it has no such option');
  }),
);

test(
  'checks of the module are run, with the committee if they are a function',
  inTemp(async (dir) => {
    const { location } = await ownStore(dir);
    const [file, committee] = [join(dir, 'checked.mjs'), join(dir, 'keys')];
    writeFileSync(committee, 'all of them are wrong');
    const error = fileURLToPath(new URL('../../src/errors.js', import.meta.url));
    writeFileSync(
      file,
      `import { readFileSync } from 'node:fs';\nimport { LanestoreError } from ${JSON.stringify(error)};\n` +
        `export { ledger as model } from ${JSON.stringify(EXAMPLE)};\n` +
        'export const checks = (keys) => keys === undefined ? {} : ({ block() {\n' +
        "  throw new LanestoreError('LANESTORE_VERIFY', readFileSync(keys, 'utf8')); } });\n",
    );
    const verify = ['verify', location, '--model', file, '--json'];
    const [plain, checked] = (await lines(dir, [verify, [...verify, '--signatures', '--committee', committee]])) as [
      Result,
      Result,
    ];
    assert.is(plain.status, 0, plain.stderr);
    assert.is(checked.status, 1, checked.stderr);
    assert.is(JSON.parse(checked.stdout).findings[0].detail, readFileSync(committee, 'utf8'));
  }),
);

test(
  'from code: views and verify take rawModel, everything that decodes or writes refuses it',
  inTemp(async (dir) => {
    const { location } = await ownStore(dir);
    const view = await openView(location, { model: rawModel });
    assert.is(view.schema?.model, 'ledger/1');
    assert.equal((await view.block(LANE, 1n)) as object, {
      author: AUTHORS[0],
      sequence: 1n,
      items: [new Uint8Array([7])],
    });
    await view.close();
    assert.is((await verify(location, { model: rawModel })).findingsTotal, 0);
    for (const place of [location, join(dir, 'absent')]) {
      const error = await openLevel(place, { model: rawModel }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof TypeError && !isLanestoreError(error), String(error));
      assert.match(error.message, /only views and verify take rawModel/);
    }
    assert.equal(readdirSync(dir).sort(), ['my-model.mjs', 'store']);
  }),
);

test.run();
