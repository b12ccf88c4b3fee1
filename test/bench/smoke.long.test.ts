/**
 * The long part of `smoke.test.ts`: every contender for a few tiny rounds, a run in worker
 * processes, damaged directories. No figure is judged.
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Durable } from '../../bench/contenders/contender.js';
import { CONTENDERS, contenderOf } from '../../bench/contenders/index.js';
import { measureDamaged } from '../../bench/damaged.js';
import { describeMachine } from '../../bench/machine.js';
import { damagedTable, toMarkdown, workloadTables } from '../../bench/markdown.js';
import type { Results } from '../../bench/results.js';
import { RoundSource } from '../../bench/rounds.js';
import { runWorkload } from '../../bench/run.js';
import { summarize } from '../../bench/summary.js';
import { BLOCKS_KEPT, type Workload, workloadOf } from '../../bench/workload.js';
import { inTemp } from '../support/temp.js';

const test = suite('bench: whole runs');
const TINY: Workload = { id: 'tiny', lanes: 2, blocksPerLane: 3, blockBytes: 1024, blocksKept: BLOCKS_KEPT };

const ROADS_KEPT = BLOCKS_KEPT / TINY.blocksPerLane;

const ROUNDS = ROADS_KEPT + 3;

for (const kind of CONTENDERS) {
  test(
    `${kind.name} makes rounds durable and recovers them`,
    inTemp(async (dir) => {
      const reason = await kind.unavailable?.();
      if (reason !== undefined) {
        process.stdout.write(`skipped: ${kind.name}: ${reason}\n`);
        return;
      }
      const source = new RoundSource(TINY, 1);
      const contender = await kind.open(dir);
      const times: Durable[] = [];
      for (let round = 0; round < ROUNDS; round++) times.push(await contender.prepare(source.next())());
      assert.ok(contender.userBytes > TINY.lanes * TINY.blocksPerLane * 512);
      await contender.close();
      for (const { roundMs, firstBlockMs, lastBlockMs } of times) {
        assert.ok(firstBlockMs > 0 && firstBlockMs <= lastBlockMs && lastBlockMs <= roundMs);
      }
      if (kind.restart === undefined) return;
      const { openMs, live } = await kind.restart(dir);
      assert.ok(openMs > 0);
      assert.equal(live, { blocks: TINY.lanes * BLOCKS_KEPT, commitQCs: ROADS_KEPT, anchors: 1 });
    }),
  );
}

test(
  'a run in worker processes produces the figures of the report',
  inTemp(async (dir) => {
    const workload = workloadOf('i');
    const measured = await runWorkload({
      workload,
      kinds: ['limit', 'raw', 'level'].map(contenderOf),
      effort: {
        settles: true,
        warmUpRoundsMax: 31,
        warmUpMsMax: 0,
        sliceRoundsMax: 4,
        sliceMsMax: 60_000,
        slices: 1,
        restarts: 1,
        countedRounds: 2,
      },
      seed: 1,
      repetitions: 3,
      dir: join(dir, 'run'),
      progress: () => undefined,
    });
    const result = summarize(workload, measured, []);
    assert.equal(result.complaints, []);
    assert.equal(
      result.contenders.map(({ name }) => name),
      ['limit', 'raw', 'level'],
    );
    for (const contender of result.contenders) {
      assert.is(contender.rounds, 12);
      assert.ok(
        contender.roundMs.p50.min <= contender.roundMs.p50.median &&
          contender.roundMs.p50.median <= contender.roundMs.max.max,
      );
      assert.is(contender.syncs?.perRound, 1, `${contender.name}: one synced write per round, ${contender.syncs?.how}`);
      assert.ok((contender.turnMsMax?.rounds?.max ?? -1) >= 0, `${contender.name}: it has its longest turn`);
      assert.ok(contender.userBytesPerRound > 4 * 1024 && contender.diskBytes > 0 && contender.cpuMsPerRound > 0);
    }
    const level = result.contenders[2];
    assert.equal(level?.live, { blocks: 4 * BLOCKS_KEPT, commitQCs: BLOCKS_KEPT, anchors: 1 });
    assert.ok((level?.overRaw ?? 0) > 0 && (level?.overLimit ?? 0) > 0);
    assert.is(level?.overGoWal, null);
    const results: Results = {
      format: 1,
      startedAt: new Date(0).toISOString(),
      seconds: 1,
      quick: true,
      seed: 1,
      repetitions: 3,
      machine: describeMachine(dir),
      othersCores: 0,
      workloads: [result],
    };
    assert.equal(
      JSON.parse(JSON.stringify(results)).workloads[0].contenders.length,
      3,
      'nothing in it is lost as JSON',
    );
    const table = workloadTables(results, '##')
      .split('\n')
      .filter((line) => line.startsWith('|'));
    assert.is(table.length, 5);
    assert.is(new Set(table.map((line) => line.split('|').length)).size, 1, 'every row has every column');
    assert.ok(toMarkdown(results, []).includes(table.join('\n')), 'the report has that table');
  }),
);

test(
  'damaged directories are opened or refused as expected, and the report has their figures',
  inTemp(async (dir) => {
    const damaged = await measureDamaged(join(dir, 'damaged'), 0.02);
    assert.equal(
      damaged.map(({ what, outcome }) => `${what.slice(0, 5)} ${outcome}`),
      ['wal:  opened', 'wal:  opened', 'wal:  LANESTORE_CORRUPT', 'level LANESTORE_CORRUPT'],
    );
    const table = damagedTable({ damaged } as unknown as Results);
    for (const { what, bytes, openMs, turnMsMax } of damaged) {
      assert.ok(table.includes(`| ${what} |`));
      assert.ok(bytes > 1000 && openMs > 0 && turnMsMax >= 0, what);
    }
    assert.match(damagedTable({} as Results), /Not measured yet/);
  }),
);

test.run();
