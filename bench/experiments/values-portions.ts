/**
 * `node .build/bench/experiments/values-portions.js [rounds] [dir]`: compares ways to checksum the
 * values of a batch and to write them to prepared space. Variants take turns, with random bytes
 * (zeros take a third less). The portion size in values/options.ts is based on this.
 */

import { randomFillSync } from 'node:crypto';
import { closeSync, constants, fdatasync, fdatasyncSync, openSync, rmSync, writeSync, writev } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { positionals } from '../args.js';
import { scratchRoot } from '../disk.js';
import { digits, percentile } from '../stats.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const SPACE_BYTES = 128 * MIB;
const ROUND_BYTES_LARGE = 8 * MIB;

/** Batches with records of one size. */
const BATCHES = [
  { records: 4, bytes: 256 * KIB },
  { records: 20, bytes: 64 * KIB },
  { records: 20, bytes: MIB },
] as const;

type Call = (done: (error: Error | null) => void) => void;

function called(call: Call): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error === null ? resolve() : reject(error))));
}

/** Prepared space, overwritten cyclically, with two file descriptors. */
class Space {
  readonly #path: string;
  readonly plain: number;
  /** A descriptor with O_DSYNC: each write is synced. */
  readonly synced: number;
  #next = 0;

  constructor(path: string) {
    this.#path = path;
    this.plain = openSync(path, 'w+');
    const zeros = Buffer.alloc(MIB);
    for (let at = 0; at < SPACE_BYTES; at += MIB) writeSync(this.plain, zeros, 0, MIB, at);
    fdatasyncSync(this.plain);
    this.synced = openSync(path, constants.O_RDWR | constants.O_DSYNC);
  }

  place(bytes: number): number {
    if (this.#next + bytes > SPACE_BYTES) this.#next = 0;
    this.#next += bytes;
    return this.#next - bytes;
  }

  remove(): void {
    closeSync(this.plain);
    closeSync(this.synced);
    rmSync(this.#path);
  }
}

type Variant = (space: Space, records: readonly Uint8Array[]) => Promise<unknown>;

function total(records: readonly Uint8Array[]): number {
  return records.reduce((bytes, { length }) => bytes + length, 0);
}

const whole = (write: (space: Space, records: readonly Uint8Array[], at: number) => Promise<void>): Variant => {
  return (space, records) => {
    for (const record of records) crc32(record);
    return write(space, records, space.place(total(records)));
  };
};

const inPortions = (portionBytes: number): Variant => {
  return (space, records) => {
    let at = space.place(total(records));
    const writes: Promise<void>[] = [];
    let portion: Uint8Array[] = [];
    const send = () => {
      const [chunks, from] = [portion, at];
      writes.push(called((done) => writev(space.synced, chunks, from, done)));
      at += total(portion);
      portion = [];
    };
    for (const record of records) {
      crc32(record);
      portion.push(record);
      if (total(portion) >= portionBytes) send();
    }
    if (portion.length > 0) send();
    return Promise.all(writes);
  };
};

const VARIANTS: Readonly<Record<string, Variant>> = {
  'all crcs, write, fdatasync': whole(async ({ plain }, records, at) => {
    await called((done) => writev(plain, records, at, done));
    await called((done) => fdatasync(plain, done));
  }),
  'all crcs, one synced write': whole(({ synced }, records, at) => called((done) => writev(synced, records, at, done))),
  'portions of 256 KiB': inPortions(256 * KIB),
  'portions of 512 KiB': inPortions(512 * KIB),
  'portions of 1 MiB': inPortions(MIB),
  'portions of 4 MiB': inPortions(4 * MIB),
};

async function compare(space: Space, records: number, bytes: number, rounds: number): Promise<void> {
  const names = Object.keys(VARIANTS);
  const ms = new Map<string, number[]>(names.map((name) => [name, []]));
  const batch = Array.from({ length: records }, () => new Uint8Array(bytes));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length] as string;
      for (const record of batch) randomFillSync(record);
      const started = performance.now();
      await VARIANTS[name]?.(space, batch);
      ms.get(name)?.push(performance.now() - started);
    }
  }
  process.stdout.write(`\n| ${records} x ${bytes / KIB} KiB | p10 ms | p50 ms |\n|---|---|---|\n`);
  for (const [name, samples] of ms) {
    process.stdout.write(`| ${name} | ${digits(percentile(samples, 0.1))} | ${digits(percentile(samples, 0.5))} |\n`);
  }
}

const [rounds = '200', dir] = positionals('node .build/bench/experiments/values-portions.js [rounds] [dir]');
const space = new Space(join(scratchRoot(dir), 'portions'));
try {
  for (const { records, bytes } of BATCHES) {
    await compare(space, records, bytes, Number(rounds) / (records * bytes > ROUND_BYTES_LARGE ? 5 : 1));
  }
} finally {
  space.remove();
}
