/**
 * A disk for value files that models power cuts. Every operation also happens for real. For each
 * file the model keeps the durable bytes and the unsynced writes; for the directory, the durable
 * names and the unsynced changes of names.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { diskFiles, type Files, type OpenHow, type WritableFile } from '../../../../src/base/files.js';
import type { Random } from '../../../support/kill.js';

const SECTOR = 4096;

/** A file, whatever its name. */
interface Inode {
  durable: Buffer;
  readonly pending: { readonly offset: number; readonly data: Buffer }[];
}

type NameChange =
  | { readonly kind: 'add'; readonly name: string; readonly inode: Inode }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly name: string };

/** The share of unsynced data that a power cut leaves. */
export type Left = 'nothing' | 'everything' | 'some';

/** The disk of this module. */
export class PowerCutDisk implements Files {
  /** Called before each operation that changes the disk. */
  before: () => void = () => {};
  readonly #random: Random;
  #now = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  #changes: NameChange[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Writes a possible state after a power cut at this moment into `dir`. */
  cut(dir: string, left: Left, random: Random): void {
    mkdirSync(dir, { recursive: true });
    const names = new Map(this.#durable);
    // Changes of names reach the disk in order.
    const count =
      left === 'nothing' ? 0 : left === 'everything' ? this.#changes.length : random.int(0, this.#changes.length + 1);
    for (const change of this.#changes.slice(0, count)) apply(names, change);
    for (const [name, inode] of names) writeFileSync(join(dir, name), contentOf(inode, left, random));
  }

  async open(path: string, mode: number, how: OpenHow): Promise<WritableFile> {
    this.before();
    const name = basename(path);
    const inode: Inode = (how.empty ? undefined : this.#now.get(name)) ?? { durable: Buffer.alloc(0), pending: [] };
    if (this.#now.get(name) !== inode) this.#change({ kind: 'add', name, inode });
    const file = await diskFiles.open(path, mode, { empty: how.empty });
    const write = async (data: readonly Uint8Array[], position: number) => {
      this.before();
      const pending = { offset: position, data: Buffer.concat(data) };
      inode.pending.push(pending);
      await file.write(data, position);
      return pending;
    };
    return {
      write: async (data, position) => void (await write(data, position)),
      // Each of several concurrent syncs makes its own bytes durable only, in any order.
      writeSynced: async (data, position) => {
        const pending = await write(data, position);
        await new Promise((resolve) => setTimeout(resolve, this.#random.int(0, 8)));
        this.before();
        inode.durable = written(inode.durable, pending);
        inode.pending.splice(inode.pending.indexOf(pending), 1);
      },
      writeNow: () => {
        throw new Error('value files are never written without being synced');
      },
      truncate: () => {
        throw new Error('value files are never truncated');
      },
      sync: async () => {
        this.before();
        const synced = inode.pending.length;
        await new Promise((resolve) => setImmediate(resolve));
        for (const write of inode.pending.splice(0, synced)) inode.durable = written(inode.durable, write);
      },
      status: () => file.status(),
      links: () => file.links(),
      close: () => file.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.before();
    this.#change({ kind: 'rename', from: basename(from), to: basename(to) });
    await diskFiles.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    this.before();
    this.#change({ kind: 'remove', name: basename(path) });
    await diskFiles.remove(path);
  }

  removeTree(): Promise<void> {
    throw new Error('value files are never removed as a tree');
  }

  makeDirectory(path: string): Promise<void> {
    return diskFiles.makeDirectory(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.before();
    // Syncs of the location itself are ignored: its names are tested elsewhere.
    if (basename(path) !== 'values') return;
    for (const change of this.#changes.splice(0)) apply(this.#durable, change);
  }

  #change(change: NameChange): void {
    this.#changes.push(change);
    apply(this.#now, change);
  }
}

function apply(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === 'add') names.set(change.name, change.inode);
  else if (change.kind === 'remove') names.delete(change.name);
  else {
    const inode = names.get(change.from);
    if (inode === undefined) throw new Error(`${change.from} is renamed and does not exist`);
    names.delete(change.from);
    names.set(change.to, inode);
  }
}

function contentOf({ durable, pending }: Inode, left: Left, random: Random): Buffer {
  let content = durable;
  if (left === 'nothing') return content;
  for (const { offset, data } of pending) {
    if (left === 'everything') content = written(content, { offset, data });
    // Each sector by itself: written or not.
    else {
      for (let at = 0; at < data.length; at += SECTOR) {
        if (random.oneIn(2)) content = written(content, { offset: offset + at, data: data.subarray(at, at + SECTOR) });
      }
    }
  }
  return content;
}

function written(content: Buffer, { offset, data }: { readonly offset: number; readonly data: Buffer }): Buffer {
  const grown = Buffer.alloc(Math.max(content.length, offset + data.length));
  content.copy(grown);
  data.copy(grown, offset);
  return grown;
}
