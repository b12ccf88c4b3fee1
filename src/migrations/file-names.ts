/** The names of the file-per-entry layout (upstream.md 2.1): numbers without padding, as Go's `%d` writes them. */
import { isLaneId, type LaneId, U64_MAX } from '../keys/index.js';

/** The ending of every entry's file. */
const ENDING = '.pb';
const BLOCK = /^([0-9a-f]+)_(0|[1-9][0-9]*)\.pb$/;
const COMMIT_QC = /^(0|[1-9][0-9]*)\.pb$/;

/** The name of a block's file in `blocks/`. */
export function blockFileName(lane: LaneId, number: bigint): string {
  return `${lane}_${number}${ENDING}`;
}

/** The name of a CommitQC's file in `commitqcs/`. */
export function commitQCFileName(index: bigint): string {
  return `${index}${ENDING}`;
}

/** The inverse of {@link blockFileName}; undefined for any other name. */
export function parseBlockFile(name: string): { lane: LaneId; number: bigint } | undefined {
  const [, lane = '', digits = ''] = BLOCK.exec(name) ?? [];
  const number = numberOf(digits);
  return number === undefined || !isLaneId(lane) ? undefined : { lane, number };
}

/** The inverse of {@link commitQCFileName}; undefined for any other name. */
export function parseCommitQCFile(name: string): bigint | undefined {
  return numberOf(COMMIT_QC.exec(name)?.[1] ?? '');
}

function numberOf(digits: string): bigint | undefined {
  if (digits === '') return undefined;
  const number = BigInt(digits);
  return number < U64_MAX ? number : undefined;
}
