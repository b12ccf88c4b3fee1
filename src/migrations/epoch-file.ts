/** Reads epochs of the protocol at 73f917bbd from a file, to verify signatures. */
import { readFile } from 'node:fs/promises';
import { reading } from '../adapter/wal/conversion.js';
import { LanestoreError } from '../errors.js';
import { laneBytes } from '../keys/index.js';
import { Committee, type Member } from '../model/autobahn/73f917bbd/committee.js';
import { type Epoch, Epochs } from '../model/autobahn/73f917bbd/epochs.js';
import { LANE_BYTES } from '../model/autobahn/73f917bbd/lane.js';
import { decimalOf } from './committee-file.js';

const LANE_HEX = new RegExp(`^[0-9a-fA-F]{${2 * LANE_BYTES}}$`);
const FORM =
  'it must be {"epochs": [{"index": "0", "from": "0", "committee": [{"lane": 80 hex digits, "weight": "1000"}, ...]}]}';

/** As `readEpochs` (read-committees.ts). */
export async function readEpochFile(file: string): Promise<Epochs> {
  const text = await reading(`read the committee file ${file}`, () => readFile(file, 'utf8'));
  const invalid = (detail: string) =>
    new LanestoreError('LANESTORE_INVALID', `the committee file ${file}: ${detail}; ${FORM}`);
  const listed = epochsIn(text);
  if (listed === undefined) throw invalid('it holds no epochs');
  try {
    return new Epochs(listed.map((entry, i) => epochOf(entry, (detail) => invalid(`epochs[${i}]: ${detail}`))));
  } catch (error) {
    if (!(error instanceof LanestoreError) || error.message.includes(file)) throw error;
    throw invalid(error.message);
  }
}

function epochsIn(text: string): unknown[] | undefined {
  try {
    const { epochs, committee, epoch = '0' } = JSON.parse(text) as Record<string, unknown>;
    if (Array.isArray(epochs)) return epochs;
    return Array.isArray(committee) ? [{ index: epoch, from: '0', committee }] : undefined;
  } catch {
    return undefined;
  }
}

function epochOf(entry: unknown, invalid: (detail: string) => LanestoreError): Epoch {
  const { index, from, committee } = (entry ?? {}) as Record<string, unknown>;
  const [number, first] = [decimalOf(index), decimalOf(from)];
  if (number === undefined || first === undefined) throw invalid('"index" and "from" must be numbers in decimal');
  if (!Array.isArray(committee)) throw invalid('it has no committee');
  const members = committee.map((member: unknown, i) =>
    memberOf(member, () => invalid(`committee[${i}] is no member`)),
  );
  try {
    return { index: number, from: first, committee: new Committee(members) };
  } catch (error) {
    if (!(error instanceof LanestoreError)) throw error;
    throw invalid(error.message);
  }
}

function memberOf(member: unknown, invalid: () => LanestoreError): Member {
  const { lane, weight } = (member ?? {}) as Record<string, unknown>;
  const number = decimalOf(weight);
  if (typeof lane !== 'string' || !LANE_HEX.test(lane) || number === undefined) throw invalid();
  return { lane: laneBytes(lane.toLowerCase()), weight: number };
}
