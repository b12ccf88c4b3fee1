/** Lane starts: equal to a map that is made from the same list, whatever is called first. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LaneStarts } from '../../src/adapter/lane-starts.js';

const test = suite('lane starts');

const pair = fc.tuple(fc.constantFrom('0a', '0b', '0c', '0d', '0e'), fc.bigInt(0n, 5n));

function forEachOf(map: ReadonlyMap<string, bigint>): [string, bigint][] {
  const seen: [string, bigint][] = [];
  map.forEach((start, lane, itself) => {
    assert.is(itself, map);
    seen.push([lane, start]);
  });
  return seen;
}

const READS: readonly ((map: ReadonlyMap<string, bigint>) => unknown)[] = [
  forEachOf,
  (map) => map.size,
  (map) => ['0a', '0c', 'ff'].map((lane) => [map.get(lane), map.has(lane)]),
  (map) => [...map.keys()],
  (map) => [...map.values()],
  (map) => [...map.entries()],
  (map) => [...map],
];

test('every read equals that of a map, also between two lanes that are added', () => {
  const reads = fc.array(fc.constantFrom(...READS), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 8 }), fc.array(pair, { maxLength: 3 }), reads, (list, more, calls) => {
      const [starts, map] = [new LaneStarts(), new Map<string, bigint>()];
      for (const part of [list, more]) {
        for (const [lane, start] of part) {
          starts.add(lane, start);
          map.set(lane, start);
        }
        for (const read of calls) assert.equal(read(starts), read(map));
      }
    }),
    { numRuns: 1000 },
  );
});

test.run();
