/**
 * `node .build/bench/experiments/codecs.js BUILD BUILD [rounds]`: compares the codecs of two builds
 * (the `.build` directories of any checkouts), in turns in one process
 * (give it copies: the build that it runs from also makes the entries): the time to write and to
 * read a block of 1 KiB, a CommitQC with 17 signatures and an anchor. Writing checks the entry,
 * encodes its body and releases the memory; reading starts from the encoded body.
 */
import { existsSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as recordModule from '../../src/adapter/level/format/record.js';
import type * as arenasModule from '../../src/cbor/arenas.js';
import type * as autobahnModule from '../../src/model/autobahn/index.js';
import type { EntryCodec } from '../../src/model/model.js';
import { makeNetwork } from '../../test/support/network.js';
import { positionals } from '../args.js';
import { digits, median, percentile } from '../stats.js';

const LANES = 4;
const SIGNATURES = 17;
const BLOCK_PAYLOAD_BYTES = 1024;
/** Number of entries of each kind. One sample processes all of them. */
const ENTRIES = 16;
const PASSES = 8;
const WARM_UP_ROUNDS = 200;
const USAGE = 'node .build/bench/experiments/codecs.js BUILD BUILD [rounds]';

/**
 * The measured functions of a build, by name. Each writes or reads all entries once and returns a
 * number that depends on the result.
 */
type Work = ReadonlyMap<string, () => number>;

interface Kind {
  readonly name: 'block' | 'commitQC' | 'anchor';
  readonly entries: readonly object[];
}

const kinds = makeKinds();

function makeKinds(): readonly Kind[] {
  const network = makeNetwork({ validators: SIGNATURES, signed: false });
  const lanes = Array.from({ length: LANES }, (_, lane) => lane);
  const each = <T>(make: () => T): T[] => Array.from({ length: ENTRIES }, make);
  const blocks = each(() => network.block(0, { payloadBytes: BLOCK_PAYLOAD_BYTES }));
  const qcs = each(() => {
    for (const lane of lanes) network.block(lane);
    return network.commitQC({ lanes, signatures: SIGNATURES });
  });
  const anchors = qcs.map((commitQC) => ({
    appQC: network.appQC(commitQC, { signatures: SIGNATURES }),
    commitQC,
  }));
  return [
    { name: 'block', entries: blocks },
    { name: 'commitQC', entries: qcs },
    { name: 'anchor', entries: anchors },
  ];
}

async function load<T>(build: string, ...paths: readonly string[]): Promise<T> {
  const path = paths.map((name) => resolve(build, 'src', name)).find(existsSync);
  if (path === undefined) throw new RangeError(`${build} has none of ${paths.join(', ')}`);
  return (await import(pathToFileURL(path).href)) as T;
}

async function workOf(build: string): Promise<Work> {
  const { encodeBody, decodeBody } = await load<typeof recordModule>(
    build,
    'adapter/level/format/record.js',
    'adapter/level/record.js',
  );
  const { releaseMemory } = await load<typeof arenasModule>(build, 'cbor/arenas.js', 'adapter/level/arenas.js');
  const { autobahn } = await load<typeof autobahnModule>(build, 'model/autobahn/index.js');
  const work = new Map<string, () => number>();
  for (const { name, entries } of kinds) {
    const codec = autobahn[name] as EntryCodec<object>;
    // A copy: a value from LevelDB has its own memory.
    const bodies = entries.map((entry) => {
      const record = encodeBody(codec, entry);
      const body = new Uint8Array(record.subarray(2, record.length - 5));
      releaseMemory(record);
      return body;
    });
    work.set(`${name}, written`, () => {
      let bytes = 0;
      for (const entry of entries) {
        const record = encodeBody(codec, entry);
        bytes += record.length;
        releaseMemory(record);
      }
      return bytes;
    });
    work.set(`${name}, read`, () => {
      let read = 0;
      for (const encoded of bodies) {
        const entry =
          codec.readBody?.(encoded) ?? codec.fromBody((decodeBody({ encoded, crc: 0 }) as { body: unknown }).body);
        read += Object.keys(entry).length;
      }
      return read;
    });
  }
  return work;
}

/** Microseconds per entry. */
function timeOf(work: () => number): number {
  const start = performance.now();
  let sum = 0;
  for (let pass = 0; pass < PASSES; pass++) sum += work();
  const us = ((performance.now() - start) * 1000) / (PASSES * ENTRIES);
  if (sum === 0) throw new Error('nothing was done');
  return us;
}

const [first, second, rounds = '2000'] = positionals(USAGE);
if (first === undefined || second === undefined) throw new TypeError(`usage: ${USAGE}`);
const builds = [await workOf(first), await workOf(second)] as const;
const samples = new Map([...builds[0].keys()].map((name) => [name, [[], []] as [number[], number[]]]));
for (let round = 0; round < WARM_UP_ROUNDS + Number(rounds); round++) {
  for (const [name, sides] of samples) {
    const order = round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    for (const side of order) {
      const us = timeOf(builds[side].get(name)!);
      if (round >= WARM_UP_ROUNDS) sides[side].push(us);
    }
  }
}
process.stdout.write(
  `load: ${loadavg()[0]?.toFixed(2)} on ${availableParallelism()} cores, Node ${process.version}\n\n`,
);
process.stdout.write(
  '| us per entry | first p50 | second p50 | p50 ratio | first p10 | second p10 | p10 ratio | median of pairs |\n',
);
process.stdout.write('|---|---|---|---|---|---|---|---|\n');
for (const [name, [a, b]] of samples) {
  const [a50, b50, a10, b10] = [median(a), median(b), percentile(a, 0.1), percentile(b, 0.1)];
  const pairs = median(a.map((us, i) => b[i]! / us));
  const cells = [
    digits(a50),
    digits(b50),
    digits(b50 / a50),
    digits(a10),
    digits(b10),
    digits(b10 / a10),
    digits(pairs),
  ];
  process.stdout.write(`| ${[name, ...cells].join(' | ')} |\n`);
}
