/** The long part of `logs.test.ts`: a log cut anywhere in its last batch. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { inTemp } from '../../../support/temp.js';
import { append, content, copy, logBytes, logOf, recordsOf } from './files.js';
import { makeStore, opensTorn, refusedThrice } from './logs-support.js';

const test = suite('preflight: every cut of a log');

test(
  'a log cut anywhere in its last batch opens, unless the witness is ahead: then it is a rollback',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 2, 6);
    const log = logOf(base);
    const expected = await content(copy(base, join(dir, 'copy')));
    const witness = readFileSync(join(base, 'witness'));
    // The last batch continues a log that the same open wrote: its bytes come from a store with
    // more rounds.
    const later = copy(base, join(dir, 'later'));
    await append(later, 6, 7);
    const batch = recordsOf(readFileSync(join(later, logOf(later))))[0]!.bytes;
    const whole = readFileSync(join(base, log));
    const tail = logBytes([batch], whole.length);
    for (let length = 1; length < tail.length; length += length < 70 || length > tail.length - 10 ? 1 : 97) {
      const target = copy(base, join(dir, 'copy'));
      writeFileSync(join(target, log), Buffer.concat([whole, tail.subarray(0, length)]));
      writeFileSync(join(target, 'witness'), readFileSync(join(later, 'witness')));
      await refusedThrice(target, 'LANESTORE_ROLLED_BACK', [`log-torn ${log} - -`, 'witness-ahead witness - -']);
      writeFileSync(join(target, 'witness'), witness);
      await opensTorn(target, expected, `cut at ${length}`);
    }
  }),
);

test.run();
