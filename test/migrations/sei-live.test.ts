/** A state that a node is writing to: every look at it sees one moment, without damage. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openState } from '../../src/migrations/index.js';
import { copyLiveState } from '../../src/migrations/private-state.js';
import { autobahn, codecs } from '../../src/model/autobahn/73f917bbd/index.js';
import { makeNewerNetwork } from '../support/newer-network.js';
import { inTemp } from '../support/temp.js';

const test = suite('migrations: a live sei-73f917bbd');
const ROADS = 400;

test(
  'copies made while a node appends, completes and prunes files have no damage, and no gap',
  inTemp(async (dir) => {
    const location = join(dir, 'state');
    mkdirSync(join(location, 'blockdb', 'blocks', 'segments'), { recursive: true });
    for (const name of ['blocks', 'commitqcs']) mkdirSync(join(location, name));
    for (const name of ['inner_a.pb', 'inner_b.pb']) writeFileSync(join(location, name), '');
    // One vote is enough: nothing is verified here.
    const net = makeNewerNetwork({ weights: [1n] });
    const { vote, sigs } = net.commitQC(0n);
    const wires = Array.from({ length: ROADS }, (_, i) =>
      codecs.commitQC.toWire({ vote: { ...vote, view: { ...vote.view, index: BigInt(i) } }, sigs }),
    );
    writeFileSync(join(dir, 'qcs'), wires.map((wire) => Buffer.from(wire).toString('base64')).join('\n'));
    const worker = fileURLToPath(new URL('sei-writer.js', import.meta.url));
    const node = spawn(process.execPath, [worker, location, join(dir, 'qcs')], { stdio: ['pipe', 'pipe', 'inherit'] });
    let hasEnded = false;
    node.stdout.once('data', () => {
      hasEnded = true;
    });
    try {
      let [copies, last] = [0, -1n];
      do {
        const copy = await copyLiveState(location);
        const source = await openState(copy.path, autobahn);
        let next: bigint | undefined;
        for await (const { number } of source.commitQCs()) {
          if (next !== undefined) assert.is(number, next);
          next = number + 1n;
        }
        if (next !== undefined) {
          assert.ok(next >= last, `${next} after ${last}`);
          last = next;
        }
        assert.not.match(source.notes.join('\n'), /contiguous|rollback/);
        await source.close();
        await copy.remove();
        copies++;
      } while (!hasEnded && node.exitCode === null);
      assert.is(node.exitCode, null);
      assert.ok(copies > 3, `${copies} copies`);
      const whole = await openState(location, autobahn);
      assert.match(whole.notes.join('\n'), /private copy is read/);
      assert.is(whole.commitQCLog.leastNext, BigInt(ROADS));
      await whole.close();
      assert.equal(readdirSync(dir).sort(), ['qcs', 'state']);
    } finally {
      node.kill();
    }
  }),
);

test.run();
