/**
 * Offline verification: all damage is found, on a sound, a damaged and a running store, and no
 * damage ends this process.
 */
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView, type VerifyProgress, verify } from '../../../../src/adapter/level/index.js';
import { blockKey, commitQCKey } from '../../../../src/keys/index.js';
import { autobahn, Committee, entryChecks } from '../../../../src/model/autobahn/index.js';
import { makeAborting } from '../../../support/aborting-table.js';
import { flipInFile, refused, rewriteBody, tree } from '../../../support/faults.js';
import { loadExpected, loadRounds } from '../../../support/fixtures.js';
import { Random, testSeed } from '../../../support/kill.js';
import { plain, plainAnchor, plainBlocks, plainQC } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { startNode } from './live.js';
import { textOf } from './seen.js';

const FLIPS = 4;

/** A table that holds everything, and an empty log. */
async function makeStore(location: string): Promise<void> {
  {
    await using store = await openLevel(location, { model: plain });
    await store.persist({
      inner: new Uint8Array([1]),
      commitQCs: [plainQC(0), plainQC(1)],
      blocks: [...plainBlocks('0a', 0, 300), ...plainBlocks('0b', 0, 300)],
    });
    await store.persist({ anchor: plainAnchor(1, { '0a': 10, '0b': 1 }) });
  }
  await (await openLevel(location, { model: plain })).close();
}

/** The table that holds the rounds; creation leaves one small table. */
function tableOf(location: string): string {
  const paths = readdirSync(join(location, 'level')).map((name) => join(location, 'level', name));
  const tables = paths.filter((path) => path.endsWith('.ldb'));
  return tables.sort((a, b) => statSync(b).size - statSync(a).size)[0]!;
}

/** Longer than the time between two calls of `onProgress`. */
function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const sound = suite('verifying a sound store');

sound(
  'finds nothing, changes nothing, and reports no note',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const before = tree(dir);
    const seen: string[] = [];
    const checks = {
      block: (block: { number: bigint }, last: { number: bigint } | undefined) => {
        seen.push(`${last?.number}<${block.number}`);
        if (block.number >= 298n) busyFor(60);
      },
      commitQC: (qc: { index: bigint }) => void seen.push(`qc ${qc.index}`),
      anchor: (anchor: { index: bigint }) => void seen.push(`anchor ${anchor.index}`),
    };
    const steps: VerifyProgress[] = [];
    // Slow enough that every read, and the last checks, are passed on.
    const onProgress = (step: VerifyProgress) => {
      steps.push(step);
      if (step.phase === 'files') busyFor(60);
    };
    const report = await verify(location, { model: plain, checks, onProgress });
    assert.equal([...new Set(steps.map(({ phase }) => phase))], ['files', 'records', 'checks']);
    for (const { done, total } of steps) assert.ok(done > 0 && done <= total, `${done} of ${total}`);
    assert.equal(steps.at(-1), { phase: 'checks', done: 591, total: 591 });
    assert.equal(tree(dir), before);
    assert.equal([report.location, report.seq, report.findings, report.refusal], [location, 2n, [], undefined]);
    assert.equal([report.records, report.checked, report.witness.verdict], [593, 591, 'equal']);
    assert.equal(report.notes, []);
    assert.equal(seen.slice(0, 4), ['anchor 1', 'qc 1', 'undefined<10', '10<11']);
  }),
);

sound(
  'an exception of onProgress ends it, in each phase, and no copy is left',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const before = tree(dir);
    const checks = { block: () => undefined };
    for (const wanted of ['files', 'records', 'checks']) {
      const reason = new Error(`stopped in ${wanted}`);
      const onProgress = ({ phase }: VerifyProgress) => {
        if (phase === wanted) throw reason;
      };
      const thrown = await verify(location, { model: plain, checks, onProgress }).catch((error: unknown) => error);
      assert.is(thrown, reason);
      assert.equal(tree(dir), before);
    }
  }),
);

sound(
  'while a node writes',
  inTemp(async (dir) => {
    const node = await startNode(join(dir, 'store'), 'compaction', testSeed());
    for (let i = 0; i < 2; i++) {
      await node.more(30);
      const { findings, refusal } = await verify(join(dir, 'store'), { model: plain });
      assert.equal([findings, refusal], [[], undefined]);
    }
    await node.kill();
  }),
);

sound(
  "with the model's own checks: the recorded network is valid; a block with another payload, parent or signature is not",
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    {
      await using store = await openLevel(location, { model: autobahn });
      for (const round of loadRounds('wal-no-anchor')) {
        await store.persist({
          commitQCs: round.commitQCs.map((qc) => autobahn.commitQC.fromWire(qc)),
          blocks: round.blocks.map((block) => autobahn.block.fromWire(block)),
        });
      }
    }
    const { committee: lanes } = loadExpected('wal-no-anchor');
    const committee = new Committee(lanes.map((lane) => new Uint8Array(Buffer.from(lane, 'hex'))));
    const whole = await verify(location, { model: autobahn, checks: entryChecks(committee) });
    assert.equal(whole.findings, []);
    assert.ok(whole.checked > 20);
    const lane = lanes[0]!;
    type Signed = { block: { header: { parentHash: Uint8Array } }; sig: { sig: Uint8Array } };
    await rewriteBody(location, blockKey(lane, 1n), (body) => {
      (body as unknown as Signed).sig.sig[3]! ^= 1;
      return body;
    });
    await rewriteBody(location, blockKey(lane, 3n), (body) => {
      (body as unknown as Signed).block.header.parentHash[3]! ^= 1;
      return body;
    });
    const report = await verify(location, { model: autobahn, checks: entryChecks(committee) });
    // The header of block 3 is replaced: block 4 does not follow it, and the signature covers
    // another header.
    assert.equal(
      report.findings.map(({ kind, lane: where, number }) => [kind, where, number]),
      [1n, 3n, 4n].map((number) => ['entry-verify', lane, number]),
    );
    assert.is(report.refusal, undefined);
    const unsigned = await verify(location, { model: autobahn, checks: entryChecks() });
    assert.equal(
      unsigned.findings.map(({ number }) => number),
      [3n, 4n],
    );
  }),
);

sound.run();

const damaged = suite('verifying a damaged store');

damaged(
  'a bit flipped in the table, anywhere: named, and every readable entry is shown, or the content is exact',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const table = tableOf(location);
    const bytes = readFileSync(table);
    const seed = testSeed();
    const random = new Random(seed);
    for (let i = 0; i < FLIPS; i++) {
      const bit = random.int(0, bytes.length * 8);
      flipInFile(table, bit);
      const what = `bit ${bit}, LANESTORE_TEST_SEED=${seed}`;
      const report = await verify(location, { model: plain });
      assert.ok(
        report.findings.some(({ kind }) => kind.startsWith('table-')),
        what,
      );
      assert.is(report.refusal?.code, 'LANESTORE_CORRUPT', what);
      await refused(openLevel(location, { model: plain }), 'LANESTORE_CORRUPT');
      writeFileSync(table, bytes);
    }
    assert.equal((await verify(location, { model: plain })).findings, []);
  }),
);

damaged(
  'a missing block of a table: the records before and after it are shown, its own records are missing',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    await makeAborting(tableOf(location));
    const report = await verify(location, { model: plain });
    assert.equal([report.findings[0]?.kind, report.refusal?.code], ['leveldb-abort', 'LANESTORE_CORRUPT']);
    assert.match(report.findings[0]?.detail ?? '', /SIGABRT.*internal_key.size/s);
    assert.ok(report.findings.some(({ kind }) => kind === 'missing'));
    assert.ok(report.records > 200, `${report.records} records`);
    assert.is(report.seq, 2n);
  }),
);

damaged(
  'without CURRENT, MANIFEST, table, log, database: named, and verify ends',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const away = join(dir, 'away');
    for (const [pattern, kind] of [
      [/^CURRENT$/, 'current-missing'],
      [/^MANIFEST/, 'manifest-missing'],
      [/\.ldb$/, 'table-missing'],
      [/\.log$/, 'log-missing'],
    ] as const) {
      const name = join(
        location,
        'level',
        readdirSync(join(location, 'level')).find((candidate) => pattern.test(candidate))!,
      );
      renameSync(name, away);
      const { findings } = await verify(location, { model: plain });
      assert.ok(
        findings.some((finding) => finding.kind === kind),
        `${kind}: ${findings.map((finding) => finding.kind)}`,
      );
      renameSync(away, name);
    }
    assert.equal((await verify(location, { model: plain })).findings, []);
    rmSync(join(location, 'level'), { recursive: true });
    const gone = await verify(location, { model: plain });
    assert.equal(
      [gone.findings.map(({ kind }) => kind), gone.refusal?.code],
      [['level-missing'], 'LANESTORE_ROLLED_BACK'],
    );
  }),
);

damaged(
  'a missing record, a flipped bit of a log: the same findings as a view',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    {
      await using store = await openLevel(location, { model: plain });
      await store.persist({ commitQCs: [plainQC(2)], blocks: plainBlocks('0a', 300, 310) });
      await store.persist({ blocks: plainBlocks('0a', 310, 320) });
    }
    const log = readdirSync(join(location, 'level')).find((candidate) => candidate.endsWith('.log'))!;
    flipInFile(join(location, 'level', log), 400);
    const report = await verify(location, { model: plain });
    assert.equal(report.findings[0]?.kind, 'log-damaged');
    assert.equal(report.findings[0]?.file, `level/${log}`);
    await using view = await openView(location, { model: plain });
    assert.equal(view.findings, report.findings);
    assert.equal((await textOf(view)).split('\n').length, 5);
    assert.is(await view.get(commitQCKey(2n)), undefined);
  }),
);

damaged.run();
