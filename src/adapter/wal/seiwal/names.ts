/**
 * Names in the directory of a log of the original at 73f917bbd (seiwal). Numbers are decimal.
 *
 *   <seq>.wal.u                   the file that is written to
 *   <seq>-<first>-<last>.wal      a complete file: the indexes of its first and last record
 *   wal.lock, iterator/, *.swap   of the running node, or left by one; hold nothing
 */
import { U64_MAX } from '../../../keys/index.js';

/** A file of records. */
export interface LogFileName {
  readonly name: string;
  /** Its place in the log; u64. */
  readonly sequence: bigint;
  /** The indexes in the name of a complete file. */
  readonly promised: { readonly first: bigint; readonly last: bigint } | undefined;
}

/** The names in a log's directory. */
export interface LogNames {
  /** Ascending by sequence; for one sequence, complete files first, the one with the lower last. */
  readonly files: readonly LogFileName[];
  readonly strays: readonly string[];
  /** Names that the node removes at its start. */
  readonly leftovers: readonly string[];
}

const WRITTEN = /^([0-9]+)\.wal\.u$/;
const COMPLETE = /^([0-9]+)-([0-9]+)-([0-9]+)\.wal$/;
const SWAP = /\.swap$/;
const COMPANIONS = new Set(['wal.lock', 'iterator']);

/** True for the name of a file of records. */
export function isLogFile(name: string): boolean {
  return parse(name) !== undefined;
}

/** True for a name that a log's directory may contain besides files of records. */
export function isCompanion(name: string): boolean {
  return COMPANIONS.has(name) || SWAP.test(name);
}

/** Parses the names in a log's directory. */
export function readNames(names: readonly string[]): LogNames {
  const files: LogFileName[] = [];
  const strays: string[] = [];
  const leftovers: string[] = [];
  for (const name of [...names].sort()) {
    const file = parse(name);
    if (file !== undefined) files.push(file);
    else if (SWAP.test(name)) leftovers.push(name);
    else if (!COMPANIONS.has(name)) strays.push(name);
  }
  return { files: files.sort(inOrder), strays, leftovers };
}

function parse(name: string): LogFileName | undefined {
  const [, sequence, first, last] = COMPLETE.exec(name) ?? WRITTEN.exec(name) ?? [];
  const numbers = [sequence, first, last].map((digits) => (digits === undefined ? undefined : BigInt(digits)));
  const [place, from, to] = numbers;
  if (place === undefined || numbers.some((number) => number !== undefined && number > U64_MAX)) return undefined;
  return {
    name,
    sequence: place,
    promised: from === undefined || to === undefined ? undefined : { first: from, last: to },
  };
}

function inOrder(a: LogFileName, b: LogFileName): number {
  if (a.sequence !== b.sequence) return a.sequence < b.sequence ? -1 : 1;
  if (a.promised === undefined || b.promised === undefined) return a.promised === undefined ? 1 : -1;
  return a.promised.last < b.promised.last ? -1 : 1;
}
