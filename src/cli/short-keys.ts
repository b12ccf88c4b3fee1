/** Expands short keys and prefixes, such as `lane/2bd4…/38`, `lane/2bd4/38` and `qc/31`. */
import type { LaneId } from '../index.js';
import { laneId, padU64, parseKey } from '../keys/index.js';
import { AbsentError, UsageError } from './command-error.js';

const LANE_KEY = /^lane\/([0-9a-f]+)(?:…|\.{3})?(?:\/(\d*))?$/;
const QC = /^qc\/(\d+)$/;

/**
 * The full key of a short key.
 * @throws UsageError if `text` is not a key, or more than one lane matches; AbsentError if no lane
 * matches.
 */
export function fullKey(text: string, lanes: Iterable<LaneId>): string {
  if (parseKey(text) !== undefined) return text;
  const [, index] = QC.exec(text) ?? [];
  if (index !== undefined) return checked(`qc/${padU64(BigInt(index))}`, text);
  const [, start, digits] = LANE_KEY.exec(text) ?? [];
  if (start === undefined || digits === undefined || digits === '') return checked(text, text);
  return checked(`lane/${theLane(start, lanes)}/${padU64(BigInt(digits))}`, text);
}

/**
 * The full prefix of a short one: digits of a lane expand to the only lane that matches. A number
 * is taken as complete.
 */
export function fullPrefix(text: string, lanes: Iterable<LaneId>): string {
  const [, start, digits] = LANE_KEY.exec(text) ?? [];
  if (start === undefined || digits === undefined)
    return QC.test(text) ? fullKey(text, lanes) : text.replace(/…|\.{3}/, '');
  return digits === '' ? `lane/${theLane(start, lanes)}/` : fullKey(text, lanes);
}

function checked(key: string, typed: string): string {
  if (parseKey(key) !== undefined) return key;
  const shapes =
    'anchor, inner, votes, votes/lanes, meta/schema, meta/tip, meta/event/<seq>, qc/<road index>, lane/<lane>/<number>';
  throw new UsageError(`"${typed}" is not a key; keys are ${shapes} (numbers need no padding)`);
}

/**
 * The lane that begins with `start`.
 * @throws UsageError if more than one does; AbsentError if none does.
 */
export function theLane(start: string, lanes: Iterable<LaneId>): LaneId {
  const found = [...lanes].filter((lane) => lane.startsWith(start));
  if (found.length === 1) return found[0]!;
  const all = [...lanes].map((lane) => `${lane.slice(0, 8)}…`).join(', ');
  if (found.length === 0) {
    // A full lane id may be missing in the tip: stray keys of that lane can still be read.
    if (WHOLE_LANE_DIGITS.includes(start.length)) return laneId(start);
    throw new AbsentError(
      `no lane begins with ${start}; ${all === '' ? 'the store has no lanes' : `the lanes are ${all}`}`,
    );
  }
  throw new UsageError(`${found.length} lanes begin with ${start}; type more digits`);
}

/** Hex digits of a whole lane id, in the versions of the protocol. */
const WHOLE_LANE_DIGITS: readonly number[] = [64, 80];
