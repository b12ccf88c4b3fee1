/** Streams of an open source: one at a time, and an error instead of a stream that ends early. */
import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isLanestoreError } from '../../src/errors.js';
import { openState } from '../../src/migrations/index.js';
import type { Source } from '../../src/migrations/source.js';
import { autobahn, type CommitQC, type PruneAnchor, type SignedBlock } from '../../src/model/autobahn/index.js';
import { rejection } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';

const test = suite('streams of a source');

async function opened(use: (source: Source<SignedBlock, CommitQC, PruneAnchor>) => Promise<void>): Promise<void> {
  const source = await openState(fixture('wal', 'state'), autobahn);
  await use(source);
  await source.close();
}

test('a source that is closed while an entry is read is LANESTORE_CLOSED, not the end of its log', async () => {
  let closed = 0;
  // The read takes some turns of the event loop; the close comes in each of them.
  for (let turns = 0; turns < 200; turns++)
    await opened(async (source) => {
      const stream = source.commitQCs()[Symbol.asyncIterator]();
      const reading = stream.next().catch((error: unknown) => error);
      for (let i = 0; i < turns % 20; i++) await turn();
      await source.close();
      const found = await reading;
      if (isLanestoreError(found, 'LANESTORE_CLOSED')) closed++;
      else assert.not((found as IteratorResult<unknown>).done, `closed after ${turns % 20} turns`);
    });
  assert.ok(closed > 0);
});

test('a second stream is refused until the first has ended or its loop was left', () =>
  opened(async (source) => {
    const [lane] = source.lanes.keys();
    const numbers: bigint[] = [];
    let refusals = 0;
    for await (const { number } of source.commitQCs()) {
      numbers.push(number);
      for (const other of [source.blocks(lane!), source.commitQCs()]) {
        assert.instance(await rejection(other[Symbol.asyncIterator]().next()), TypeError);
        refusals++;
      }
    }
    assert.ok(refusals > 2);
    const again: bigint[] = [];
    for await (const { number } of source.commitQCs()) again.push(number);
    assert.equal(again, numbers);
    for await (const _ of source.blocks(lane!)) break;
    for await (const _ of source.blocks(lane!)) return;
    assert.unreachable('the lane has blocks');
  }));

test.run();
