/** Rounds as the level store encodes them, for tests of the code that writes them. */
import type { EncodedRound, LevelEntries } from '../../../../src/adapter/level/format/step.js';
import { PutEncoder } from '../../../../src/adapter/level/write/encode.js';
import { emptyState } from '../../../../src/adapter/planner.js';
import { planRound } from '../../../../src/adapter/round-plan.js';
import { type PlainAnchor, type PlainBlock, type PlainQC, plain } from '../../../support/plain-model.js';

/** A round of blocks for an empty store. Large blocks may be separated. */
export function encodedRound(...blocks: PlainBlock[]): EncodedRound {
  const encoder = new PutEncoder(plain, Number.POSITIVE_INFINITY, true);
  return planRound<PlainBlock, PlainQC, PlainAnchor, LevelEntries>(plain, emptyState(), { blocks }, encoder);
}
