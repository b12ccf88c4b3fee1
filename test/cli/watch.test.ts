/** `watch`: follows a store that is open, and ends with its reader, its count or a signal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/index.js';
import { MAIN } from '../support/cli.js';
import { plain, plainBlock, plainQC } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: watch');

test(
  'the newest batch of a store that another process has open, until SIGINT',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await using store = await openLevel(location, { model: plain, minFreeBytes: 0 });
    const child = spawn(process.execPath, [MAIN, 'watch', location, '--json', '--interval', '1'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      let [number, seqs] = [0, [] as bigint[]];
      for await (const text of createInterface({ input: child.stdout })) {
        const line = JSON.parse(text);
        assert.equal(line.notes, []);
        seqs.push(BigInt(line.seq));
        // All that was acknowledged before the line was read may be in it, and nothing later.
        assert.ok(BigInt(line.seq) <= store.seq, `${line.seq} of ${store.seq}`);
        if (seqs.length > 1) assert.ok(line.batchesPerSecond >= 0 && typeof line.bytesPerSecond === 'number');
        if (number >= 40 && BigInt(line.seq) === store.seq) {
          assert.equal([line.nextRoad, line.blocks], [String(number), String(number)]);
          child.kill('SIGINT');
          break;
        }
        for (const end = number + 20; number < end && number < 60; number++)
          await store.persist({ blocks: [plainBlock('0a', number)], commitQCs: [plainQC(number)] });
      }
      assert.equal(await exited, [0, null]);
      assert.equal(
        seqs,
        [...seqs].sort((a, b) => Number(a - b)),
        'it never goes back',
      );
    } finally {
      child.kill('SIGKILL');
    }
  }),
);

test.run();
