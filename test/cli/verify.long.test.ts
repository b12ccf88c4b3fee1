/** The long part of `verify.test.ts`: signatures after a change of the committee. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, laneIdOf, openLevel } from '../../src/index.js';
import { readCommittees } from '../../src/migrations/index.js';
import { run } from '../support/cli.js';
import { refused } from '../support/faults.js';
import { makeNetwork } from '../support/network.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: verify, committees');
/**
 * A store whose committee changes twice: validators 0 to 3, all five from road index 5 on, 1 to 4
 * from road index 8 on. Each CommitQC has the minimum number of signatures of its own committee, so
 * that it is invalid for the other committees. The anchor is at road index 2, the last CommitQC at
 * 9.
 */
async function changingStore(location: string): Promise<readonly (readonly string[])[]> {
  const net = makeNetwork({ validators: 5 });
  const { keys } = net.committee;
  await using store = await openLevel(location, { model: autobahn });
  for (let road = 0; road < 10; road++) {
    const lanes = road < 5 ? [0, 1, 2, 3] : road < 8 ? [0, 1, 2, 3, 4] : [1, 2, 3, 4];
    const blocks = lanes.map((place) => net.block(place));
    const signed = net.commitQC({ lanes, signatures: road < 5 ? 3 : road < 8 ? 4 : 5 });
    // The first validators sign; validator 0 has left by the end, and three signatures are enough.
    const qc = road < 8 ? signed : { ...signed, sigs: signed.sigs.slice(1, 4) };
    await store.persist({ blocks, commitQCs: [qc] });
    if (road === 2) await store.persist({ anchor: { commitQC: qc, appQC: net.appQC(qc, { signatures: 3 }) } });
  }
  return [keys.slice(0, 4), keys, keys.slice(1)].map((committee) => committee.map(laneIdOf));
}

test(
  'signatures after a committee change: each entry is checked against its own committee, in an export too',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const [first, second, third] = await changingStore(location);
    const file = join(dir, 'committees.json');
    /** Exit status, and the findings by key. */
    const verified = (content: unknown) => {
      writeFileSync(file, JSON.stringify(content));
      const { status, stdout, stderr } = run('verify', location, '--signatures', '--committee', file, '--json');
      if (status !== 0 && status !== 1) return { status, stderr, found: [] };
      const { findings, refusal } = JSON.parse(stdout);
      assert.is(refusal, null, 'a node opens it all the same');
      const found = findings.map(({ kind, key, detail }: Record<string, string>) => `${kind} ${key}: ${detail}`);
      return { status, stderr, found };
    };
    const terms = (...list: [from: unknown, committee: unknown][]) => ({
      committees: list.map(([from, committee]) => ({ from, committee })),
    });
    const expect = (content: unknown, ...patterns: RegExp[]) => {
      const { status, stderr, found } = verified(content);
      assert.is(status, patterns.length === 0 ? 0 : 1, `${stderr}${found.join('\n')}`);
      assert.is(found.length, patterns.length, found.join('\n'));
      for (const [i, pattern] of patterns.entries()) assert.match(found[i], pattern);
    };
    expect(terms(['0', first], ['5', second], ['8', third]));
    const target = join(dir, 'exported');
    const exported = run('export', location, target, '--layout', 'wal', '--verify-signatures', '--committee', file);
    assert.is(exported.status, 0, exported.stdout + exported.stderr);
    expect(terms([2, first], [5, second], [8, third], [11, first]));
    // A border that is off by one in either direction.
    expect(terms([0, first], [4, second], [8, third]), /qc\/0+4: commitQC 4: has 3 signatures, needs 4/);
    expect(terms([0, first], [6, second], [8, third]), /qc\/0+5: commitQC 5: lane .* is not one of the committee/);
    expect(terms([0, first], [5, second], [9, third]), /qc\/0+8: .* has 3 signatures, needs 4/);
    // Entries before the first committee are not checked against another committee.
    const before = /no committee is given for road index 2: the first one holds from 3/;
    expect(terms([3, first], [5, second], [8, third]), before, before);
    // A lane that is in no committee of the store's range: the fourth validator's lane exists from
    // road index 5 on only.
    const { found } = verified(first);
    assert.is(found.filter((line: string) => /^entry-verify qc\//.test(line)).length, 5, found.join('\n'));
    const stranger = new RegExp(`^entry-verify lane/${third?.at(-1)}/.* hold at road indexes 2 to 10$`);
    assert.is(found.filter((line: string) => stranger.test(line)).length, 5, found.join('\n'));
    for (const [content, reason] of [
      [terms([0, first], [0, second]), /two committees hold from road index 0: they overlap/],
      [terms([5, second], [0, first]), /from road index 0 is listed after that from 5/],
      [terms([0, first], [undefined, second]), /committees\[1\] has no road index: undefined; it must say "from"/],
      [terms([-1, first]), /committees\[0\] has no road index: -1/],
      [terms(['18446744073709551615', first]), /road index of a committee 18446744073709551615 is too high/],
      [terms([0, first], [5, ['abc']]), /committees\[1\] has an entry that is not a key: "abc"/],
      [terms([0, []]), /committees\[0\] makes no committee/],
      [terms([0, 'all']), /committees\[0\] holds no list/],
      [terms(), /there is no committee/],
      [{ committees: 5 }, /"committees" is not a list/],
      [{ ...terms([0, first]), committee: first }, /both "committee" and "committees"/],
    ] as const) {
      writeFileSync(file, JSON.stringify(content));
      const { message } = await refused(readCommittees(file), 'LANESTORE_INVALID');
      assert.ok(message.startsWith(`the committee file ${file}`), message);
      assert.match(message, reason);
    }
    const { status, stderr } = verified({ committees: 5 });
    assert.equal([status, JSON.parse(stderr).code], [3, 'LANESTORE_INVALID']);
  }),
);

test.run();
