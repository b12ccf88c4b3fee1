/** Reads a range in pages from a snapshot. */
import { AbstractIterator } from 'abstract-level';
import type { AnyLevel } from '../level/engine.js';
import type { Snapshot } from './snapshots.js';
import type { Statements } from './statements.js';

/** Range options with encoded bounds. */
export interface ByteRange {
  readonly gt?: Uint8Array;
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly lte?: Uint8Array;
  readonly reverse?: boolean;
  readonly values?: boolean;
}

type Pair = [key: Buffer, value: Buffer | undefined];

/** Rows of the first page, and of the largest page. */
const FIRST_ROWS = 32;
const ROWS_MAX = 1000;
/** Target size of a page in bytes. The row limit of the next page follows from the last page. */
const PAGE_BYTES = 1024 * 1024;

/** An iterator of `PostgresLevel`; keys and values are buffers. */
export class RangeIterator extends AbstractIterator<AnyLevel, Buffer, Buffer> {
  readonly #snapshot: Snapshot;
  readonly #sql: Statements;
  readonly #range: ByteRange;
  #rowsMax = FIRST_ROWS;
  #page: Pair[] = [];
  #next = 0;
  /** Where the next page begins, if not at the bound of the range. */
  #from: { readonly key: Uint8Array; readonly isIncluded: boolean } | undefined;
  #isLast = false;

  constructor(db: AnyLevel, options: ByteRange, snapshot: Snapshot, sql: Statements) {
    // biome-ignore lint/suspicious/noExplicitAny: abstract-level passes options on that its types do not show
    super(db, options as any);
    this.#range = options;
    this.#snapshot = snapshot;
    this.#sql = sql;
  }

  async _next(): Promise<Pair | undefined> {
    if (this.#next >= this.#page.length && !(await this.#fetch(this.#rowsMax))) return undefined;
    return this.#page[this.#next++];
  }

  async _nextv(size: number): Promise<Pair[]> {
    if (this.#next >= this.#page.length && !(await this.#fetch(Math.min(size, this.#rowsMax)))) return [];
    const portion = this.#page.slice(this.#next, this.#next + size);
    this.#next += portion.length;
    return portion;
  }

  _seek(target: Uint8Array): void {
    this.#page = [];
    this.#next = 0;
    this.#from = { key: target, isIncluded: true };
    this.#isLast = !this.#contains(target);
  }

  async _close(): Promise<void> {
    await this.#snapshot.release();
  }

  /** Reads the next page; false if there is none. */
  async #fetch(rows: number): Promise<boolean> {
    if (this.#isLast) return false;
    const { reverse = false, values = true } = this.#range;
    const conditions: string[] = [];
    const bounds: Uint8Array[] = [];
    const add = (comparison: string, key: Uint8Array) => {
      bounds.push(key);
      conditions.push(`key ${comparison} $${bounds.length}`);
    };
    for (const [comparison, key] of boundsOf(this.#range)) add(comparison, key);
    if (this.#from !== undefined) {
      add(`${reverse ? '<' : '>'}${this.#from.isIncluded ? '=' : ''}`, this.#from.key);
    }
    const text = this.#sql.page(values ? 'key, value' : 'key', conditions.join(' and '), reverse ? 'desc' : 'asc');
    const found = await this.#snapshot.read({ text: text + rows, values: bounds });
    this.#page = found.map(({ key, value }) => [key as Buffer, value as Buffer | undefined]);
    this.#next = 0;
    this.#isLast = found.length < rows;
    const last = this.#page.at(-1);
    if (last === undefined) return false;
    this.#from = { key: last[0], isIncluded: false };
    let bytes = 1;
    for (const [key, value] of this.#page) bytes += key.length + (value?.length ?? 0);
    this.#rowsMax = Math.max(1, Math.min(ROWS_MAX, Math.floor((PAGE_BYTES * found.length) / bytes)));
    return true;
  }

  #contains(target: Uint8Array): boolean {
    return boundsOf(this.#range).every(([comparison, key]) => {
      const order = Buffer.compare(target, key);
      return (order === 0 && comparison.endsWith('=')) || (comparison.startsWith('>') ? order > 0 : order < 0);
    });
  }
}

/** The effective bounds: abstract-level ignores `gt` if `gte` is set, and `lt` if `lte` is set. */
function boundsOf({ gt, gte, lt, lte }: ByteRange): [comparison: string, key: Uint8Array][] {
  const bounds: [string, Uint8Array | undefined][] = [
    gte === undefined ? ['>', gt] : ['>=', gte],
    lte === undefined ? ['<', lt] : ['<=', lte],
  ];
  return bounds.flatMap(([comparison, key]) => (key === undefined ? [] : [[comparison, key]]));
}
