/**
 * Opening damaged directories whose blocks have the worst content that a peer can choose: how long
 * the open takes, and the longest turn of the event loop. `node .build/bench/damaged.js [dir]`
 * measures only this.
 */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLevel } from '../src/adapter/level/index.js';
import { openWal } from '../src/adapter/wal/index.js';
import type { LanestoreError } from '../src/errors.js';
import { autobahn, type SignedBlock } from '../src/model/autobahn/index.js';
import { makeNetwork } from '../test/support/network.js';
import { positionals } from './args.js';
import { scratchRoot } from './disk.js';
import { LongestTurn } from './longest-turn.js';
import type { DamagedResult } from './results.js';
import { digits } from './stats.js';

const MIB = 1024 * 1024;

interface Case {
  readonly what: string;
  /**
   * Makes the directory; `scale` is 1, or less for a quick run. Resolves with the number of bytes
   * to read.
   */
  make(dir: string, scale: number): Promise<number>;
  open(dir: string): Promise<{ close(): Promise<void> }>;
}

const wal = (dir: string) => openWal(dir, { model: autobahn });
const level = (dir: string) => openLevel(dir, { model: autobahn, values: false, minFreeBytes: 0 });

/** Blocks of one lane; `tx` replaces their transactions. */
function blocksOf(count: number, payloadBytes: number, tx?: Uint8Array): SignedBlock[] {
  const network = makeNetwork({ validators: 1, signed: false });
  return Array.from({ length: count }, () => {
    const block = network.block(0, { payloadBytes });
    if (tx === undefined) return block;
    return { ...block, block: { ...block.block, payload: { ...block.block.payload, txs: [tx] } } };
  });
}

/**
 * Bytes in which every fourth position looks like the length and the first byte of an entry of
 * `length` bytes.
 */
function looksLikeEntries(bytes: number, length: number): Uint8Array {
  return Buffer.alloc(bytes, Buffer.from([(length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14, 0x0a]));
}

/** The newest segment of the only lane. */
function segmentOf(dir: string): string {
  const [lane = ''] = readdirSync(join(dir, 'blocks'));
  const name =
    readdirSync(join(dir, 'blocks', lane))
      .sort()
      .at(-1) ?? '';
  return join(dir, 'blocks', lane, name);
}

async function fillWal(dir: string, blocks: readonly SignedBlock[]): Promise<string> {
  await using store = await wal(dir);
  for (let at = 0; at < blocks.length; at += 1000) await store.persist({ blocks: blocks.slice(at, at + 1000) });
  return segmentOf(dir);
}

/** Fills a store with large blocks; resolves with the path of the largest log of LevelDB. */
async function fillLevel(dir: string, bytes: number, fill: number): Promise<string> {
  const store = await openLevel(dir, {
    model: autobahn,
    values: false,
    minFreeBytes: 0,
    level: { writeBufferBytes: 1024 * MIB },
  });
  const count = 10;
  const blocks = blocksOf(count, 0, new Uint8Array(bytes / count).fill(fill));
  await store.persist({ blocks: blocks.slice(0, 1) });
  await store.persist({ blocks: blocks.slice(1) });
  await store.close();
  const logs = readdirSync(join(dir, 'level')).filter((name) => name.endsWith('.log'));
  const paths = logs.map((name) => join(dir, 'level', name));
  return paths.sort((a, b) => statSync(b).size - statSync(a).size)[0] ?? '';
}

function zeros(path: string, at: number, length: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(length), 0, length, at);
  closeSync(fd);
}

const CASES: readonly Case[] = [
  {
    what: 'wal: a block whose transactions look like entries, cut by a crash',
    async make(dir, scale) {
      const [first, second] = blocksOf(2, 0, looksLikeEntries(1.9 * scale * MIB, Math.floor(0.9 * scale * MIB)));
      const path = await fillWal(dir, [first!, second!]);
      truncateSync(path, statSync(path).size - 100);
      return statSync(path).size;
    },
    open: wal,
  },
  {
    what: 'wal: a full segment of blocks of 1 KiB, whole',
    async make(dir, scale) {
      return statSync(await fillWal(dir, blocksOf(Math.floor(15_000 * scale), 1024))).size;
    },
    open: wal,
  },
  {
    what: 'wal: the same, damaged in the middle',
    async make(dir, scale) {
      const path = await fillWal(dir, blocksOf(Math.floor(15_000 * scale), 1024));
      const { size } = statSync(path);
      zeros(path, Math.floor(size / 2), 100);
      return size;
    },
    open: wal,
  },
  {
    what: 'level: a log of large blocks, damaged and cut; each of its bytes could begin a record',
    async make(dir, scale) {
      const path = await fillLevel(dir, 140 * scale * MIB, 1);
      const size = statSync(path).size - 100;
      const fd = openSync(path, 'r+');
      ftruncateSync(fd, size);
      closeSync(fd);
      zeros(path, 40_000, 8);
      return size;
    },
    open: level,
  },
];

/** Makes each case in `dir`, opens it once, and removes it. Sizes are multiplied by `scale`. */
export async function measureDamaged(dir: string, scale: number): Promise<DamagedResult[]> {
  const results: DamagedResult[] = [];
  for (const { what, make, open } of CASES) {
    mkdirSync(dir, { recursive: true });
    try {
      const bytes = await make(join(dir, 'store'), scale);
      const longest = new LongestTurn();
      let outcome = 'opened';
      let openMs = 0;
      await longest.during(async () => {
        const start = performance.now();
        const store = await open(join(dir, 'store')).catch((error: LanestoreError) => {
          outcome = error.code;
        });
        openMs = performance.now() - start;
        await store?.close();
      });
      results.push({ what, bytes, outcome, openMs, turnMsMax: longest.take() });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return results;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [where] = positionals('node .build/bench/damaged.js [dir]');
  for (const { what, bytes, outcome, openMs, turnMsMax } of await measureDamaged(
    join(scratchRoot(where), 'damaged'),
    1,
  )) {
    process.stdout.write(
      `${what}: ${digits(bytes / MIB)} MiB, ${outcome}, ${digits(openMs)} ms, longest turn ${digits(turnMsMax)} ms\n`,
    );
  }
}
