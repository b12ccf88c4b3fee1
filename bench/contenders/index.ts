/** All contenders, in the order of the report. */
import type { ContenderKind } from './contender.js';
import { goWalKind } from './go-wal.js';
import { level, levelAnchorFirst, levelInline, levelLanes } from './level.js';
import { limit, limitPreallocated } from './limit.js';
import { otherBuildOf } from './other-build.js';
import { PEERS } from './peers.js';
import { postgres, postgresStandby } from './postgres.js';
import { raw, rawArray, rawDeletesSeparate, rawStock } from './raw.js';
import { variantOf } from './variant.js';
import { wal, walNoDirSync, walThreads } from './wal.js';

export const CONTENDERS: readonly ContenderKind[] = [
  limit,
  limitPreallocated,
  raw,
  rawArray,
  level,
  levelInline,
  levelLanes,
  levelAnchorFirst,
  wal,
  walNoDirSync,
  walThreads,
  goWalKind,
  postgres,
  postgresStandby,
  ...PEERS,
];

/**
 * The contender named `name`: one of the list, a variant of `level` (variant.ts) or another build
 * (other-build.ts).
 * @throws RangeError for an unknown name.
 */
export function contenderOf(name: string): ContenderKind {
  const listed = [...CONTENDERS, rawDeletesSeparate, rawStock].find((kind) => kind.name === name);
  const found = listed ?? variantOf(name) ?? otherBuildOf(name);
  if (found === undefined) {
    throw new RangeError(`unknown contender "${name}"; known are ${CONTENDERS.map((kind) => kind.name).join(', ')}`);
  }
  return found;
}

/** The contenders that can run here, and why the others cannot. */
export async function available(names: readonly string[]) {
  const kinds: ContenderKind[] = [];
  const skipped: { readonly name: string; readonly reason: string }[] = [];
  for (const name of names) {
    const kind = contenderOf(name);
    const reason = await kind.unavailable?.();
    if (reason === undefined) kinds.push(kind);
    else skipped.push({ name, reason });
  }
  return { kinds, skipped };
}
