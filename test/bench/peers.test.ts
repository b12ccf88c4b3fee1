/** The other stores of the benchmark hold the same entries as raw classic-level, byte for byte. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PEERS } from '../../bench/contenders/peers.js';
import { raw } from '../../bench/contenders/raw.js';
import { RoundSource } from '../../bench/rounds.js';
import type { Workload } from '../../bench/workload.js';
import { openDatabase } from '../../src/adapter/level/database.js';
import { inTemp } from '../support/temp.js';

const test = suite('bench: peers');
const TINY: Workload = { id: 'tiny', lanes: 2, blocksPerLane: 3, blockBytes: 1024, blocksKept: 6 };
const ROUNDS = 6;

for (const kind of PEERS) {
  test(
    `${kind.name} holds the same entries as raw`,
    inTemp(async (dir) => {
      const reason = await kind.unavailable?.();
      if (reason !== undefined) {
        process.stdout.write(`skipped: ${kind.name}: ${reason}\n`);
        return;
      }
      const places = { raw: join(dir, 'raw'), peer: join(dir, 'peer') };
      for (const place of Object.values(places)) mkdirSync(place);
      const source = new RoundSource(TINY, 1);
      const contenders = [await raw.open(places.raw), await kind.open(places.peer)];
      for (let round = 0; round < ROUNDS; round++) {
        const entries = source.next();
        for (const contender of contenders) await contender.prepare(entries)();
      }
      for (const contender of contenders) await contender.close();
      const db = await openDatabase(places.raw, {}, false, 'utf8');
      const expected = await db.iterator().all();
      await db.close();
      const hex = (entries: readonly (readonly [string, Uint8Array])[]) =>
        entries.map(([key, value]) => `${key} ${Buffer.from(value).toString('hex')}`);
      assert.ok(expected.length >= TINY.lanes * TINY.blocksKept, `${expected.length} entries`);
      assert.equal(hex(await kind.entries(places.peer)), hex(expected));
    }),
  );
}

test.run();
