/**
 * Shared by the tests of value files: a store that separates every block, and helpers that inspect
 * its files.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeReference, type ValueRef } from '../../../../src/adapter/level/format/value-ref.js';
import { type LevelStore, openLevel, type ValueOptions } from '../../../../src/adapter/level/index.js';
import { blockKey } from '../../../../src/keys/index.js';
import { rawGet } from '../../../support/faults.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
} from '../../../support/plain-model.js';
import type { Operation, WatchedFiles } from '../../wal/watched-files.js';

export type PlainStore = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

/** Every block of 1 KiB or more is separated; a file takes six of {@link big}. */
export const SMALL_FILES = { fileBytes: 32 * 1024, valueBytesMin: 1024, batchBytesMin: 1024, waitBytesMin: 1 } as const;

export function openSmall(location: string, more: ValueOptions = {}): Promise<PlainStore> {
  return openLevel(location, { model: plain, values: { ...SMALL_FILES, ...more } });
}

/** A block that is separated and differs from every other block. */
export function big(lane: string, number: number, bytes = 5000): PlainBlock {
  return plainBlock(lane, number, new Uint8Array(Buffer.alloc(bytes, `${lane} ${number} `)));
}

/** Value files of a location, by name. */
export function valueFiles(location: string): string[] {
  return readdirSync(join(location, 'values')).sort();
}

export function diskBytes(location: string): number {
  let bytes = 0;
  for (const name of valueFiles(location))
    bytes += statSync(join(location, 'values', name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

/** The value reference of a block of a closed store. */
export async function placeOf(location: string, lane: string, number: number): Promise<ValueRef> {
  const key = blockKey(lane, BigInt(number));
  const reference = decodeReference(key, await rawGet(location, key));
  if ('kind' in reference) throw new Error(reference.detail);
  return reference;
}

/** Appends blocks [from, to) of a lane, one round each, and keeps the last `keep` of them. */
export async function run(store: PlainStore, lane: string, from: number, to: number, keep: number): Promise<void> {
  for (let n = from; n < to; n++) {
    await store.persist({ blocks: [big(lane, n)] });
    if (n >= keep) await store.persist({ anchor: plainAnchor(n, { [lane]: n + 1 - keep }) });
  }
}

/**
 * Calls `react` before each write of values and each sync of them, except for files in preparation.
 */
export function onValues(files: WatchedFiles, react: (operation: Operation) => void | Promise<void>): void {
  const written = new Set<string>();
  files.before = (operation) => {
    const { kind, path, data } = operation;
    if (kind === 'write' && data?.some((byte) => byte !== 0)) written.add(path);
    else if (kind !== 'sync' || !written.has(path)) return undefined;
    return react(operation);
  };
}
