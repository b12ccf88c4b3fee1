/** Opening a store in a process that has no free file descriptors. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inTemp } from '../support/temp.js';

const test = suite('few descriptors');
const worker = fileURLToPath(new URL('./few-descriptors-worker.js', import.meta.url));

for (const backend of ['level', 'wal']) {
  test(
    `${backend}: an open that runs out of descriptors at any step is LANESTORE_IO and leaves none open`,
    inTemp((dir) => {
      if (!existsSync('/proc/self/fd')) return void process.stdout.write('\n  skipped: no /proc here\n');
      const command = `ulimit -n 200; exec '${process.execPath}' '${worker}' ${backend} '${dir}'`;
      const { stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
      assert.is(stdout.trim(), 'LANESTORE_IO opened; at last opened; 0 descriptors are left open', stderr);
    }),
  );
}

test.run();
