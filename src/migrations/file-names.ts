/**
 * The names of the file-per-entry layout. Written: lane in lowercase hex, numbers without padding, as Go's `%d` writes them. Read: as the original
 * parses them, so hex of either case and numbers with leading zeros are names, too, and two names can stand for one entry.
 */
import { type LaneId, laneOfHex, U64_MAX } from '../keys/index.js';

/** The ending of every entry's file. */
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

/** Which block a file's name stands for; undefined for a name that the original skips. */
export function parseBlockFile(name: string): { lane: LaneId; number: bigint } | undefined {
  const [, hex = '', digits = ''] = BLOCK.exec(name) ?? [];
  const [lane, number] = [laneOfHex(hex), numberOf(digits)];
  return number === undefined || lane === undefined ? undefined : { lane, number };
}

/** Which CommitQC a file's name stands for; undefined for a name that the original skips. */
export function parseCommitQCFile(name: string): bigint | undefined {
  return numberOf(COMMIT_QC.exec(name)?.[1] ?? '');
}

function numberOf(digits: string): bigint | undefined {
  if (digits === '') return undefined;
  const number = BigInt(digits);
  return number < U64_MAX ? number : undefined;
}
