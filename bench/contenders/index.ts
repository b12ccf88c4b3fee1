/** Every contender, in the order of the report. */
import type { ContenderKind } from './contender.js';
import { goWalKind } from './go-wal.js';
import { level, levelAnchorFirst, levelLanes } from './level.js';
import { limit } from './limit.js';
import { raw, rawArray } from './raw.js';
import { variantOf } from './variant.js';
import { wal, walNoDirSync } from './wal.js';

export const CONTENDERS: readonly ContenderKind[] = [
  limit,
  raw,
  rawArray,
  level,
  levelLanes,
  levelAnchorFirst,
  wal,
  walNoDirSync,
  goWalKind,
];

/** The contender named `name`, or the variant of `level` (variant.ts). @throws RangeError if there is none. */
export function contenderOf(name: string): ContenderKind {
  const found = CONTENDERS.find((kind) => kind.name === name) ?? variantOf(name);
  if (found === undefined) {
    throw new RangeError(`no contender "${name}"; there are ${CONTENDERS.map((kind) => kind.name).join(', ')}`);
  }
  return found;
}
