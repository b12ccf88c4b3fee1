/** The demo's output, at most 80 columns wide. */
import { readdirSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import type { CommitQC, Cursors, PruneAnchor, Recovered, SignedBlock } from '../index.js';
import { ANCHOR_KEY, blockKey, commitQCKey, maxU64, SCHEMA_KEY, TIP_KEY } from '../keys/index.js';
import { barLines } from './bars.js';
import { formatBytes, print, styled } from './output.js';
import { quantile, type ReplayResult } from './replay-rounds.js';
import { shippedPath } from './shipped.js';

const LANES_SHOWN = 8;

/**
 * Prints what the uninterrupted part of the replay did. That part had one round in flight at a
 * time. `written` rounds stored something: the new rounds, and the round of the newest stored
 * anchor, because an equal anchor is stored again.
 */
export function showReplay(result: ReplayResult, survived: number, written: number, batches: number): void {
  const { rounds, blocks, blocksSkipped, durableMs } = result;
  print(`  ${rounds} rounds, ${survived} of them stored before: ${blocks} blocks, ${blocksSkipped} skipped`);
  print(`  one at a time: ${fsyncsOf(batches, written)}`);
  if (written > rounds - survived) print('        including the newest anchor: an equal anchor is stored again');
  const [p50, p99] = [quantile(durableMs, 0.5), quantile(durableMs, 0.99)];
  print(`  time to durable of an entry: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
}

/** The number of fdatasync calls per round; each batch is one call. */
export function fsyncsOf(batches: number, rounds: number): string {
  return `${rounds} rounds, ${batches} synced batches: ${(batches / rounds).toFixed(2)} fdatasync a round`;
}

/** Prints the lanes' ranges, drawn to scale. */
export function showLanes(cursors: Cursors): void {
  const lanes = [...cursors.lanes];
  const highest = lanes.reduce((max, [, { next }]) => maxU64(next, max), 1n);
  print(`\n  lanes, 0 to ${highest - 1n} (. pruned, # held)`);
  for (const bar of barLines(lanes).slice(0, LANES_SHOWN)) print(`  ${bar}`);
  if (lanes.length > LANES_SHOWN) print(`  and ${lanes.length - LANES_SHOWN} more lanes`);
  const { first, next } = cursors.commitQCs;
  print(`  QC log    road indexes [${first}, ${next})`);
}

/** Prints some keys as LevelDB stores them, and the store's size on disk. */
export function showKeys(location: string, found: Recovered<SignedBlock, CommitQC, PruneAnchor>): void {
  print('\n  some keys, as any LevelDB tool lists them');
  print(`  ${ANCHOR_KEY}`);
  const [lane, blocks] = [...found.blocks][0] ?? ['', []];
  for (const block of blocks.slice(0, 1)) {
    const key = blockKey(lane, block.block.header.blockNumber);
    const half = key.length - 31;
    print(`  ${key.slice(0, half)}\n    ${key.slice(half)}`);
  }
  print(`  ${SCHEMA_KEY}\n  ${TIP_KEY}`);
  for (const qc of found.commitQCs.slice(0, 1)) print(`  ${commitQCKey(qc.vote.view.index)}`);
  const { files, bytes } = sizeOf(location);
  print(`\n  on disk: ${formatBytes(bytes)} in ${files} files`);
}

/** Prints commands to try next, relative to the working directory. */
export function showNext(location: string): void {
  const command = invocation();
  print(`\n${styled('bold', 'The store is kept. Try:')}`);
  print(`  ${command} inspect ${location}`);
  print(`  ${command} verify ${location}`);
  print('run the demo more slowly:');
  print(`  ${command} demo --pace-ms 1000`);
  print("read a copy with RocksDB's ldb or with Python:");
  print(`  ${relative(process.cwd(), shippedPath('docs/inspecting.md'))}`);
}

/** The command that started this program: its name if installed, else the script of a checkout. */
function invocation(): string {
  const script = process.argv[1] ?? '';
  if (basename(script) !== 'lanestore') return `node ${relative(process.cwd(), script)}`;
  return script.includes(join('node_modules', '.bin')) ? 'npx lanestore' : 'lanestore';
}

function sizeOf(directory: string): { files: number; bytes: number } {
  let files = 0;
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    files++;
    bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return { files, bytes };
}
