/**
 * The bounded search after a fault, divided over turns, gives the same verdict as a search without
 * bounds.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LogCodec, readEntries } from '../../../src/adapter/wal/entries.js';
import { encodeFrame } from '../../../src/adapter/wal/frame.js';
import { blockCodec } from '../../../src/adapter/wal/state.js';
import { damageInTail } from '../../../src/adapter/wal/torn.js';
import { autobahn } from '../../../src/model/autobahn/index.js';
import { loadRounds } from '../../support/fixtures.js';
import { plainVerdict } from './plain-verdict.js';
import { numberedCodec } from './text-log.js';

const test = suite('wal: verdicts on tails');

/** Bytes that may follow the entries of a log: whole entries, parts, zeros, anything. */
type Piece = (entries: readonly Uint8Array[]) => Uint8Array;

const pieces: fc.Arbitrary<Piece> = fc.oneof(
  fc.nat(7).map(
    (i): Piece =>
      (entries) =>
        encodeFrame(entries[i % entries.length]!),
  ),
  fc.tuple(fc.nat(7), fc.double({ min: 0, max: 1, noNaN: true })).map(
    ([i, part]): Piece =>
      (entries) => {
        const frame = encodeFrame(entries[i % entries.length]!);
        return frame.subarray(0, Math.floor(part * frame.length));
      },
  ),
  fc.nat(7).map(
    (i): Piece =>
      (entries) =>
        entries[i % entries.length]!,
  ),
  fc.nat(1100).map(
    (length): Piece =>
      () =>
        new Uint8Array(length),
  ),
  fc.uint8Array({ maxLength: 40 }).map(
    (bytes): Piece =>
      () =>
        bytes,
  ),
);

const damages = fc.record({
  good: fc.nat(3),
  pieces: fc.array(pieces, { maxLength: 5 }),
  flips: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(7)), { maxLength: 2 }),
  cut: fc.oneof(fc.constant(0), fc.nat(60)),
});

function asserted<T>(codec: LogCodec<T>, entries: readonly Uint8Array[], numRuns: number): Promise<void> {
  const seen = new Set<string>();
  const property = fc.asyncProperty(damages, async ({ good, pieces: parts, flips, cut }) => {
    const whole = entries.slice(0, good).map((entry) => encodeFrame(entry));
    const tail = Buffer.concat(parts.map((part) => part(entries)));
    for (const [place, bit] of flips) if (tail.length > 0) tail[Math.floor(place * (tail.length - 1))]! ^= 1 << bit;
    const bytes = new Uint8Array(Buffer.concat([...whole, tail.subarray(0, Math.max(0, tail.length - cut))]));
    const steps = [...readEntries(bytes, codec)];
    const fault = steps.at(-1);
    if (fault === undefined || !('kind' in fault)) return;
    const read = steps.flatMap((step) => ('kind' in step ? [] : [step]));
    const before = {
      number: read.length === 0 ? undefined : codec.number!(read.at(-1)!.entry),
      firstByte: bytes[read[0]?.frame.start ?? bytes.length],
    };
    const verdict = await damageInTail(bytes, fault, codec, before);
    assert.is(verdict, plainVerdict(bytes, fault, codec, before));
    seen.add(`${fault.kind} ${verdict?.replaceAll(/[0-9]+/g, 'n') ?? 'torn'}`);
  });
  return fc.assert(property, { numRuns }).then(() => assert.ok(seen.size >= 8, [...seen].join(', ')));
}

test('texts with numbers, for which only the decoder is known', () =>
  asserted(
    numberedCodec,
    ['#1:a;', '#2:bc;', '#3:;', `#4:${'x'.repeat(200)};`, `#5:${'y'.repeat(1500)};`].map((text) => Buffer.from(text)),
    4000,
  ));

test('blocks, whose shape is checked before they are decoded', () => {
  const blocks = loadRounds('wal').flatMap(({ blocks: wire }) => wire);
  const lane = autobahn.block.lane(autobahn.block.fromWire(blocks[0]!));
  const own = blocks.filter((wire) => autobahn.block.lane(autobahn.block.fromWire(wire)) === lane);
  const foreign = blocks.find((wire) => !own.includes(wire))!;
  return asserted(blockCodec(autobahn, lane), [...own.slice(0, 5), foreign], 1500);
});

test.run();
