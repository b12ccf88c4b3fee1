/** `lane` and `round`, against the CommitQCs and blocks that the store holds. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openView } from '../../src/index.js';
import { jsonLines, run } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: time lines');
async function content(location: string) {
  await using view = await openView(location, { model: autobahn });
  const starts = new Map<bigint, ReadonlyMap<string, bigint>>();
  for await (const item of view.commitQCs())
    if ('entry' in item) starts.set(item.number, new Map(autobahn.commitQC.laneStarts(item.entry)));
  const [lane, cursor] = [...view.cursors.lanes][0]!;
  return { starts, lane, cursor, newest: [...starts.keys()].at(-1)! };
}

test(
  'the road index of a block is that of the CommitQC whose range holds it, in both commands',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const { starts, lane, cursor, newest } = await content(location);
    const listed = run('lane', location, lane.slice(0, 4), '--json');
    assert.is(listed.status, 0, listed.stderr);
    const blocks = jsonLines(listed.stdout);
    assert.is(BigInt(blocks.length), cursor.next - cursor.first);
    let ordered = 0;
    for (const { number, road } of blocks) {
      const at = BigInt(String(number));
      const expected = [...starts.keys()].find((index) => {
        const after = starts.get(index + 1n)?.get(lane);
        return at >= starts.get(index)!.get(lane)! && after !== undefined && at < after;
      });
      assert.is(road, expected === undefined ? null : String(expected), `block ${number}`);
      if (road !== null) ordered++;
    }
    assert.ok(ordered > 0 && ordered < blocks.length, `${ordered} of ${blocks.length} are ordered`);
    const road = newest - 1n;
    const shown = JSON.parse(run('round', location, String(road), '--json').stdout);
    const row = shown.lanes.find((found: { lane: string }) => found.lane === lane);
    assert.equal(
      [row.first, row.next, row.stored],
      [String(starts.get(road)!.get(lane)), String(starts.get(newest)!.get(lane)), row.stored],
    );
    assert.is(row.stored, String(blocks.filter((block) => block.road === String(road)).length));
    assert.match(run('round', location, String(newest)).stdout, /, not known\)/);
    assert.match(run('lane', location, lane).stdout, /not ordered by a stored CommitQC/);
  }),
);

test.run();
