/**
 * Reads every key of a store once, and compares it with the tip: an entry that the tip requires, a
 * stale entry that waits to be swept, a key with a fixed name, or a key that must not exist.
 */
import type { Finding } from '../../../errors.js';
import { parseKey } from '../../../keys/index.js';
import type { Engine } from '../engine.js';
import { type LogName, QC_LOG } from '../format/log.js';
import type { Tip } from '../format/tip.js';
import { type LogSequence, type StoredEntry, strayKey } from '../read/log-range.js';
import { strayOf } from './strays.js';

/** No key of a store begins with this character or a higher one. */
const BEYOND_ASCII = '\u0080';

/** The check of one log. */
export interface LogCheck {
  /** Entries before it are stale. */
  readonly first: bigint;
  readonly sequence: LogSequence;
  /** Checks and decodes an entry; entries come in ascending order. */
  take(entry: StoredEntry): void;
}

/** What is found beside the entries. */
export interface Found {
  missing(finding: Finding): void;
  stray(finding: Finding): void;
  /** A stale entry. */
  stale(key: string, value: Uint8Array): void;
}

/**
 * Reads every key, ascending, and passes each entry to the check of its log; `logs` has one for
 * each log of the tip. The next portion is read while one is checked. Keys with a fixed name are
 * only known here, and events are not checked. No entry is checked before `singles` has resolved.
 */
export async function readEntries(
  engine: Engine,
  tip: Tip,
  logs: ReadonlyMap<LogName, LogCheck>,
  singles: Promise<unknown>,
  found: Found,
): Promise<void> {
  let current: LogCheck | undefined;
  const reader = engine.entries({ lt: BEYOND_ASCII });
  const beyond = engine.entries({ gte: BEYOND_ASCII });
  try {
    let reading = started(reader.next());
    let readingBeyond = started(beyond.next());
    await singles;
    for (let portion = await reading; portion.length > 0; portion = await reading) {
      reading = started(reader.next());
      for (const [key, value] of portion) {
        const number = current?.sequence.next(key);
        if (number !== undefined) current?.take({ number, key, value });
        else current = compare(key, value, tip, logs, found) ?? current;
      }
    }
    for (const { sequence } of logs.values()) ifAny(sequence.end(), found.missing);
    // Not by their text: some databases decode keys without a leading byte order mark, and the text
    // of such a key could be that of another.
    for (let portion = await readingBeyond; portion.length > 0; portion = await readingBeyond) {
      for (const [key] of portion) found.stray(strayKey(key));
      readingBeyond = beyond.next();
    }
  } finally {
    await Promise.all([reader.close(), beyond.close()]);
  }
}

/** Prevents an unhandled rejection if something throws before the read is awaited. */
function started<T>(read: Promise<T>): Promise<T> {
  read.catch(() => undefined);
  return read;
}

/**
 * Compares a key that is not the next one of its log with the tip. Returns the check of the log to
 * which it belongs.
 */
function compare(
  key: string,
  value: Uint8Array,
  tip: Tip,
  logs: ReadonlyMap<LogName, LogCheck>,
  found: Found,
): LogCheck | undefined {
  const stray = strayOf(key, tip);
  if (stray !== undefined) {
    found.stray(stray);
    return undefined;
  }
  const parsed = parseKey(key);
  if (parsed?.kind !== 'block' && parsed?.kind !== 'commitQC') return undefined;
  const [log, number] = parsed.kind === 'block' ? [parsed.lane, parsed.number] : [QC_LOG, parsed.index];
  const check = logs.get(log);
  if (check === undefined) throw new Error(`the tip allows ${key}, and has no log for it`);
  if (number < check.first) {
    found.stale(key, value);
  } else {
    ifAny(check.sequence.see(number), found.missing);
    check.take({ number, key, value });
  }
  return check;
}

function ifAny(finding: Finding | undefined, use: (finding: Finding) => void): void {
  if (finding !== undefined) use(finding);
}
