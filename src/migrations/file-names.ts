/**
 * The file names of the layout `file-per-entry`. They are written with the lane in lowercase hex
 * and with numbers without padding, like Go's `%d`. They are parsed as in the original, which also
 * accepts uppercase hex and leading zeros. So two names can mean the same entry.
 */
import { type LaneId, laneOfHex, U64_MAX } from '../keys/index.js';

/** The suffix of every entry's file. */
const ENDING = '.pb';
const BLOCK = /^([0-9a-fA-F]+)_([0-9]+)\.pb$/;
const COMMIT_QC = /^([0-9]+)\.pb$/;

/** The name of a block's file in `blocks/`. */
export function blockFileName(lane: LaneId, number: bigint): string {
  return `${lane}_${number}${ENDING}`;
}

/** The name of a CommitQC's file in `commitqcs/`. */
export function commitQCFileName(index: bigint): string {
  return `${index}${ENDING}`;
}

/** The block that a file's name means; undefined for a name that the original skips. */
export function parseBlockFile(name: string): { lane: LaneId; number: bigint } | undefined {
  const [, hex = '', digits = ''] = BLOCK.exec(name) ?? [];
  const [lane, number] = [laneOfHex(hex), numberOf(digits)];
  return number === undefined || lane === undefined ? undefined : { lane, number };
}

/** The CommitQC that a file's name means; undefined for a name that the original skips. */
export function parseCommitQCFile(name: string): bigint | undefined {
  return numberOf(COMMIT_QC.exec(name)?.[1] ?? '');
}

function numberOf(digits: string): bigint | undefined {
  if (digits === '') return undefined;
  const number = BigInt(digits);
  return number < U64_MAX ? number : undefined;
}
