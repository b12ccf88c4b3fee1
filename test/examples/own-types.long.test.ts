/** examples/own-types: its model and its backend pass the suite that docs/embedding.md names. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { journalSubject, ledgerEntries, ledgerSubject } from '../../examples/own-types/conformance.js';
import { openJournal } from '../../examples/own-types/journal.js';
import { ledger } from '../../examples/own-types/model.js';
import { CASES, casesFor, conformance } from '../../src/conformance/index.js';
import { refused } from '../support/faults.js';
import { inTemp } from '../support/temp.js';

const test = suite('examples: own types');

conformance({ test: (name, body) => test(`own model over LevelDB: ${name}`, body), ...ledgerSubject });
conformance({ test: (name, body) => test(`own model over an own backend: ${name}`, body), ...journalSubject });

test('only features declared absent are left out', () => {
  const leftOut = (subject: typeof ledgerSubject) => {
    const applied = new Set(casesFor(subject).map(({ name }) => name));
    return new Set(
      CASES.filter(({ name, needs }) => !applied.has(name) && !needs.includes('votes')).flatMap(({ needs }) => needs),
    );
  };
  const hardware = ['lose', 'storeAnchorOnly', 'refuseWrites'];
  for (const feature of leftOut(ledgerSubject)) {
    assert.ok(['disagreeingAnchors', 'durable', ...hardware].includes(feature), feature);
  }
  assert.ok(casesFor(ledgerSubject).length >= 125, `${casesFor(ledgerSubject).length} cases`);
  assert.ok(casesFor(journalSubject).length >= 110, `${casesFor(journalSubject).length} cases`);
});

test(
  'the journal: a torn append is cut, a flipped bit is refused',
  inTemp(async (dir) => {
    const file = join(dir, 'journal');
    const [lane = ''] = ledgerEntries.lanes;
    const store = await openJournal(file, { model: ledger });
    await store.persist({ blocks: [ledgerEntries.block(lane, 0n)] });
    await store.close();
    const bytes = readFileSync(file);
    appendFileSync(file, bytes.subarray(0, bytes.length - 1));
    const again = await openJournal(file, { model: ledger });
    assert.equal(again.cursors.lanes.get(lane), { first: 0n, next: 1n });
    await again.close();
    assert.equal(readFileSync(file), bytes);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    await refused(openJournal(file, { model: ledger }), 'LANESTORE_CORRUPT');
  }),
);

test.run();
