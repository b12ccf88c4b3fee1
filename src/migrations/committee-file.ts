/** Reads committees from files, to verify signatures. */

import { readFile } from 'node:fs/promises';
import { reading } from '../adapter/wal/conversion.js';
import { LanestoreError } from '../errors.js';
import { isLaneId, laneBytes } from '../keys/index.js';
import { Committee } from '../model/autobahn/11419398f/committee.js';
import { Committees, type CommitteeTerm } from '../model/autobahn/11419398f/committees.js';

const KEYS = "it must list the validators' public keys, 64 hex digits each";
const FROM = 'it must say "from", the road index from which the committee holds, in decimal';

/** One committee in a file, unchecked. */
interface Listed {
  /** Its place in the file, for messages. */
  readonly where: string;
  readonly from: unknown;
  readonly keys: unknown;
}

/** As `readCommittees` (read-committees.ts). */
export async function readCommitteeFile(file: string): Promise<Committees> {
  const text = await reading(`read the committee file ${file}`, () => readFile(file, 'utf8'));
  const invalid = (detail: string) => new LanestoreError('LANESTORE_INVALID', `the committee file ${file}${detail}`);
  const listed = committeesIn(text);
  if (typeof listed === 'string') throw invalid(listed);
  const terms = listed.map((entry) => termOf(entry, invalid));
  return attempt(
    () => new Committees(terms),
    (reason) => invalid(`: ${reason}`),
  );
}

/** The committees of a file, unchecked; or a text that says what is wrong with the file. */
function committeesIn(text: string): Listed[] | string {
  const everywhere = (keys: unknown): Listed[] => [{ where: '', from: '0', keys }];
  if (!/^\s*[[{]/.test(text)) {
    const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*/, '').trim());
    return everywhere(lines.filter((line) => line !== ''));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return ` holds no list: it is not JSON; ${KEYS}`;
  }
  if (Array.isArray(value)) return everywhere(value);
  const { committee, committees } = value as { committee?: unknown; committees?: unknown };
  if (committees === undefined) return everywhere(committee);
  if (committee !== undefined) return ' has both "committee" and "committees": leave one out';
  if (!Array.isArray(committees)) return ': "committees" is not a list';
  return committees.map((entry: unknown, i) => {
    const { from, committee: keys } = (entry ?? {}) as { from?: unknown; committee?: unknown };
    return { where: `: committees[${i}]`, from, keys };
  });
}

function termOf({ where, from, keys }: Listed, invalid: (detail: string) => LanestoreError): CommitteeTerm {
  if (!Array.isArray(keys)) throw invalid(`${where} holds no list; ${KEYS}`);
  const index = decimalOf(from);
  if (index === undefined) throw invalid(`${where} has no road index: ${JSON.stringify(from)}; ${FROM}`);
  const wrong: unknown = keys.find((key) => typeof key !== 'string' || !isLaneId(key.toLowerCase()));
  if (wrong !== undefined) {
    throw invalid(`${where} has an entry that is not a key: ${JSON.stringify(wrong).slice(0, 80)}; ${KEYS}`);
  }
  const committee = attempt(
    () => new Committee(keys.map((key: string) => laneBytes(key.toLowerCase()))),
    (reason) => invalid(`${where} makes no committee: ${reason}; ${KEYS}`),
  );
  return { from: index, committee };
}

/** A number in decimal, or a small number as it is; undefined for anything else. */
export function decimalOf(from: unknown): bigint | undefined {
  if (typeof from === 'number' && Number.isSafeInteger(from) && from >= 0) return BigInt(from);
  return typeof from === 'string' && /^\d{1,20}$/.test(from) ? BigInt(from) : undefined;
}

/**
 * The result of `make`. Its LanestoreError is replaced by the one that `refusal` returns for the
 * message.
 */
function attempt<T>(make: () => T, refusal: (reason: string) => LanestoreError): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof LanestoreError)) throw error;
    throw refusal(error.message);
  }
}
