/**
 * `diff` of several states: the summary against an oracle that keeps every entry, and in real
 * states.
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DiffSummary, summaryOf } from '../../src/cli/diff-summary.js';
import type { Protocol } from '../../src/cli/protocols.js';
import type { SignedBlock } from '../../src/index.js';
import type { Source, SourceEntry } from '../../src/migrations/index.js';
import { begin, run } from '../support/cli.js';
import { rewriteBody, tree } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { type PlainAnchor, type PlainBlock, type PlainQC, plain } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: diff');
const LANE = '2bd4e778e505998cbe6a052353e359648370d4cdbf51f3c8c986e4ce9fbeb8fe';

/** An entry of the oracle: the first character is the content, the second the signature. */
type Log = ReadonlyMap<number, string>;
/** Plain entries stand for their text: the comparison looks only at hashes and bytes. */
type PlainSource = Source<PlainBlock, PlainQC, PlainAnchor>;

/** A state of one lane and no CommitQCs. */
function sourceOf(log: Log, leastNext: number): PlainSource {
  async function* blocks(): AsyncGenerator<SourceEntry<PlainBlock>> {
    for (const [number, text] of [...log].sort(([a], [b]) => a - b)) {
      const data = Buffer.from(text);
      yield { entry: { lane: '0a', number: BigInt(number), data }, number: BigInt(number), wire: data, place: {} };
    }
  }
  return {
    ...{ layout: 'wal', location: '/state', anchor: undefined, inner: undefined, notes: [] },
    commitQCLog: { leastNext: 0n },
    lanes: new Map([['0a', { leastNext: BigInt(leastNext) }]]),
    async *commitQCs() {},
    blocks,
    close: async () => undefined,
  };
}

const PROTOCOL: Protocol<PlainBlock, PlainQC, PlainAnchor> = {
  model: plain,
  manifest: { anchor: () => ({}), commitQCOf: ({ qc }) => qc, commitQC: () => ({}), block: () => ({}) },
  checks: async () => ({}),
  hashes: { block: ({ data }) => ({ content: data.subarray(0, 1) }), commitQC: () => ({}), anchor: () => ({}) },
};

/** What the summary of these logs must say, from all entries at once. */
function expected(logs: readonly Log[], leastNext: number) {
  const numbers = [...new Set(logs.flatMap((log) => [...log.keys()]))].sort((a, b) => a - b);
  const contents = (number: number) => logs.map((log) => log.get(number)?.[0]);
  const present = (number: number) => contents(number).filter((content) => content !== undefined);
  const isEqual = (number: number) => present(number).length === logs.length && new Set(present(number)).size === 1;
  const diverging = numbers.filter((number) => new Set(present(number)).size > 1);
  const from = numbers.find(isEqual);
  const isPrefix = from !== undefined && !diverging.some((number) => number < from);
  let to = from ?? 0;
  while (isPrefix && isEqual(to)) to++;
  const missing: number[] = [];
  for (let number = numbers[0] ?? leastNext; number < Math.max(leastNext, (numbers.at(-1) ?? 0) + 1); number++)
    if (!numbers.includes(number)) missing.push(number);
  const isSame = (number: number) => new Set(logs.map((log) => log.get(number))).size === 1;
  return {
    verdict: diverging.length > 0 ? 'diverges' : numbers.every(isSame) ? 'equal' : 'differs',
    equal: isPrefix ? [from, to] : null,
    diverges: diverging[0] ?? null,
    missing,
  };
}

function seen({ verdict, logs: [log] }: DiffSummary) {
  const range = ({ from, to }: { from: bigint; to: bigint }) => [Number(from), Number(to)];
  const missing = (log?.missingOnAll ?? []).map(range);
  return {
    verdict,
    equal: log?.equal == null ? null : range(log.equal),
    diverges: log?.divergence == null ? null : Number(log.divergence.number),
    missing: missing.flatMap(([from = 0, to = 0]) => Array.from({ length: to - from }, (_, place) => from + place)),
  };
}

/** The block, with another parent. */
function withOtherParent({ header, ...block }: SignedBlock['block']): object {
  return { ...block, header: { ...header, parentHash: Buffer.alloc(32, 7) } };
}

test('prefix, divergence and missing numbers are those of an oracle, for any logs', async () => {
  const text = fc
    .tuple(fc.constantFrom('a', 'a', 'a', 'b'), fc.constantFrom('x', 'x', 'y'))
    .map((parts) => parts.join(''));
  const log = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), text), { maxLength: 9 }).map((pairs) => new Map(pairs));
  await fc.assert(
    fc.asyncProperty(
      fc.array(log, { minLength: 2, maxLength: 4 }),
      fc.integer({ min: 0, max: 12 }),
      async (logs, next) => {
        const sources = logs.map((entries) => sourceOf(entries, next));
        const found = seen(await summaryOf(sources, PROTOCOL));
        const isEmpty = logs.every(({ size }) => size === 0);
        assert.equal(found, isEmpty ? { ...found, verdict: 'equal', missing: [] } : expected(logs, next));
      },
    ),
    { numRuns: 500 },
  );
});

test(
  'states of different length, signature and content: verdict, first divergence and exit code',
  inTemp(async (dir) => {
    const at = (name: string) => join(dir, name);
    const source = fixture('wal', 'state');
    assert.is(run('import', source, at('one')).status, 0);
    for (const name of ['signed', 'forked']) cpSync(at('one'), at(name), { recursive: true });
    const block = `lane/${LANE}/00000000000000000040`;
    await rewriteBody(at('signed'), block, ({ sig, ...body }) => ({
      ...body,
      sig: { ...(sig as object), sig: Buffer.alloc(64, 7) },
    }));
    await rewriteBody(at('forked'), block, ({ block, ...body }) => ({
      ...body,
      block: withOtherParent(block as SignedBlock['block']),
    }));
    const before = tree(dir);
    const summary = async (status: number, ...locations: string[]): Promise<DiffSummary> => {
      const found = await begin(dir, 'diff', ...locations, '--summary', '--json');
      assert.is(found.status, status, found.stderr);
      return JSON.parse(found.stdout);
    };
    assert.is((await summary(0, at('one'), source)).verdict, 'equal');
    assert.is((await summary(0, at('one'), source, at('one'))).verdict, 'equal');
    const signed = await summary(4, at('one'), at('signed'));
    assert.is(signed.verdict, 'differs');
    assert.is(signed.logs.find(({ log }) => log === LANE)?.otherSignatures, 1);
    const { verdict, logs } = await summary(4, at('one'), at('forked'), source);
    assert.is(verdict, 'diverges');
    const lane = logs.find(({ log }) => log === LANE);
    assert.equal(
      [lane?.equal, lane?.divergence],
      [
        { from: '38', to: '40' },
        { number: '40', versions: [0, 1, 0] },
      ],
    );
    const { status, stdout } = await begin(dir, 'diff', at('one'), at('forked'), source);
    assert.is(status, 4);
    assert.match(stdout, /^ {2}diverges at 40: 1, 3 \| 2$/m);
    assert.match(stdout, /^diverges: 1 of 5 logs differ, 1 diverge, 0 lack entries on all$/m);
    assert.equal(run('diff', at('one'), at('forked')).stdout, '! lane 2bd4e778… 40\n');
    assert.equal(tree(dir), before, 'nothing is changed');
  }),
);

test(
  'an error names the state that cannot be read',
  inTemp((dir) => {
    const source = fixture('wal', 'state');
    const { status, stderr } = run('diff', source, source, join(dir, 'nowhere'));
    assert.is(status, 3);
    assert.match(stderr, /^LANESTORE_NOT_A_STORE: .*nowhere/);
  }),
);

test.run();
