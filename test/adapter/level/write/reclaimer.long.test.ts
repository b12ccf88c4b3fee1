/** The long part of `reclaimer.test.ts`: a real small disk, pauses, refusals. */
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../../../src/adapter/level/index.js';
import { REST_MS } from '../../../../src/adapter/level/write/reclaimer.js';
import { refused } from '../../../support/faults.js';
import { withTmpfs } from '../../../support/faults-mount.js';
import { plain, plainAnchor, plainBlock } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { fillTwice, held } from './reclaimer-support.js';

const store = suite('reclaimer: a small disk, pauses, refusals');
const rules = suite('reclaimer: a small disk, pauses, refusals, 2');

store(
  'has room again on a real small disk',
  inTemp(async (dir) => {
    const disk = join(dir, 'disk');
    await withTmpfs('pruning a store on a small disk', disk, '48m', () =>
      fillTwice({ location: join(disk, 'store'), values: { batchBytesMin: 2 ** 40 } }),
    );
  }),
);

rules(
  'compacts again only what was pruned since, after a pause; ends when there is room; needs room itself',
  inTemp(async (dir) => {
    const { reclaimer, compactions, starts, space, soon, begun } = held(dir, ['0a', '0b']);
    space.allows = false;
    reclaimer.kick();
    await soon();
    assert.is(compactions.length, 0);
    space.allows = true;
    // The kick at the end of a run takes effect after the pause.
    await begun(1);
    space.hasRoom = true;
    compactions[0]!.end();
    await soon();
    assert.is(compactions.length, 1, 'there is room');
    space.hasRoom = false;
    starts.set('0a', 9n);
    reclaimer.kick();
    await soon();
    assert.is(compactions.length, 1, 'it rests');
    await begun(2);
    assert.match(compactions[1]!.from, /^lane\/0a\/0+5$/);
    assert.match(compactions[1]!.to, /^lane\/0a\/0+9$/);
    let stopped = false;
    const stopping = reclaimer.stop().then(() => {
      stopped = true;
    });
    await soon();
    assert.not.ok(stopped);
    compactions[1]!.end();
    await stopping;
    starts.set('0b', 9n);
    reclaimer.kick();
    await soon();
    assert.is(compactions.length, 2);
  }),
);

store(
  'is compacted at most once for a round that was refused and given up',
  inTemp(async (dir) => {
    const free = 230e6;
    const compact = ClassicLevel.prototype.compactRange;
    let compactions = 0;
    ClassicLevel.prototype.compactRange = function (
      this: ClassicLevel<string, Uint8Array>,
      ...args: Parameters<typeof compact>
    ) {
      compactions++;
      return compact.apply(this, args);
    } as typeof compact;
    try {
      await using one = await openLevel(dir, {
        model: plain,
        freeSpace: { read: async () => free, readNow: () => free },
      });
      const large = [0, 1, 2].map((number) => plainBlock('0a', number, new Uint8Array(15e6)));
      await refused(one.persist({ blocks: large }), 'LANESTORE_CAPACITY');
      const end = performance.now() + 3 * REST_MS;
      // A run takes one compaction for the lane, and one for the CommitQCs.
      for (let n = 0; performance.now() < end && compactions <= 2; n++) {
        await one.persist({ anchor: plainAnchor(n, { '0a': n }), blocks: [plainBlock('0a', n)] });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      ClassicLevel.prototype.compactRange = compact;
    }
    assert.ok(compactions <= 2, `${compactions} compactions for one round that was given up`);
  }),
);

store.run();
rules.run();
