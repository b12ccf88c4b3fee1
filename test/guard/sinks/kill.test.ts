/**
 * A node with sinks, killed under load: what it released in all its lives has no two votes in one
 * place, and no two blocks under one number.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random, testSeed } from '../../support/kill.js';
import { inTemp } from '../../support/temp.js';
import { LIVES, lives } from './lives.js';

const test = suite('guard: sinks, killed under load');

test(
  'restored, cut off, killed: no place is released twice, and the node signs again',
  inTemp(async (dir) => {
    const seed = testSeed();
    const worker = new URL('./kill-worker.js', import.meta.url);
    const { wrong, count, ends } = await lives(worker, dir, new Random(seed));
    const said = `${count} released, ${ends.join(' ')}, LANESTORE_TEST_SEED=${seed}`;
    assert.is(wrong, undefined, `${wrong}, ${said}`);
    const killed = ends.filter((end) => end === 'killed').length;
    assert.ok(count > LIVES && killed > LIVES / 4 && ends.includes('LANESTORE_ROLLED_BACK'), said);
  }),
);

test.run();
