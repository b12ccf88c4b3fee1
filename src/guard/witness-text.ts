/**
 * The record of a sink as text, in files and over HTTP:
 *
 *   { "format": "lanestore-witness/1", "epoch": "3", "holder": "<32 hex digits>",
 *     "lastEpoch": "3" | null, "last": { signing-history/1 } | null }
 */
import { formatHistory, parseHistory, type SigningHistory } from '../adapter/index.js';
import { isNetwork } from '../adapter/signing-history.js';
import { hex } from '../base/bytes.js';
import { isLanestoreError, LanestoreError } from '../errors.js';
import { isU64 } from '../keys/index.js';
import type { WitnessKey, WitnessRecord } from './witness.js';

const FORMAT = 'lanestore-witness/1';
const HOLDER = /^[0-9a-f]{32}$/;
const SIGNER_BYTES_MAX = 128;

/**
 * Upper bound in characters of a record, and of a call to a witness server. Both contain a history
 * with the node's inner state.
 */
export const RECORD_CHARS_MAX = 32 * 1024 * 1024;

/** True if `value` may be the holder of a claim: 32 lowercase hex digits. */
export function isHolder(value: unknown): value is string {
  return typeof value === 'string' && HOLDER.test(value);
}

/** The text of a record. */
export function formatRecord({ epoch, holder, last }: WitnessRecord): string {
  const rest = last === undefined ? 'null' : formatHistory(last.history).trimEnd();
  const head = { format: FORMAT, epoch: `${epoch}`, holder, lastEpoch: last === undefined ? null : `${last.epoch}` };
  return `${JSON.stringify(head).slice(0, -1)},"last":${rest}}\n`;
}

/**
 * Parses the text of a record.
 * @throws LANESTORE_IO for any other text, and for a history of another key or kind.
 */
export function parseRecord(text: string, key: WitnessKey): WitnessRecord {
  const { format, epoch, holder, lastEpoch, last, ...rest } = fieldsOf(text);
  if (format !== FORMAT || Object.keys(rest).length > 0) throw garbage(`it is no ${FORMAT}`);
  const [claims, lastClaim] = [numberOf(epoch), numberOf(lastEpoch)];
  if (claims === undefined || !(holder === '' || isHolder(holder))) throw garbage('epoch or holder is none');
  if (last === null && lastEpoch === null) return { epoch: claims, holder, last: undefined };
  if (lastClaim === undefined || lastClaim > claims) throw garbage('lastEpoch is none, or above epoch');
  return { epoch: claims, holder, last: { epoch: lastClaim, history: sinkHistory(JSON.stringify(last), key) } };
}

/** Parses a sink's history. @throws LANESTORE_IO if it is invalid, or of another key or kind. */
export function sinkHistory(text: string, key: WitnessKey): SigningHistory {
  try {
    return checkedHistory(parseHistory(text), key);
  } catch (error) {
    if (!isLanestoreError(error, 'LANESTORE_INVALID')) throw error;
    throw garbage(error.message);
  }
}

/** @throws LANESTORE_IO for a history of another key or kind. */
export function checkedHistory(history: SigningHistory, key: WitnessKey): SigningHistory {
  if (history.kind !== 'sink') throw garbage(`the history is ${history.kind}, not of a sink`);
  if (history.network !== key.network) throw garbage(`the history is of the network ${history.network}`);
  if (hex(history.signer) !== hex(key.signer)) throw garbage(`the history is of the key ${hex(history.signer)}`);
  return history;
}

/** The key that a call names; undefined if it is invalid. */
export function keyOf(network: unknown, signer: unknown): WitnessKey | undefined {
  if (!isNetwork(network) || typeof signer !== 'string' || !/^(?:[0-9a-f]{2})+$/.test(signer)) return undefined;
  return signer.length > 2 * SIGNER_BYTES_MAX
    ? undefined
    : { network, signer: new Uint8Array(Buffer.from(signer, 'hex')) };
}

/** A u64 in decimal digits; undefined for anything else. */
export function numberOf(value: unknown): bigint | undefined {
  if (typeof value !== 'string' || !/^(?:0|[1-9]\d{0,19})$/.test(value)) return undefined;
  const number = BigInt(value);
  return isU64(number) ? number : undefined;
}

/** The fields of a JSON object in a text; no fields for any other text. */
export function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = text.length > RECORD_CHARS_MAX ? undefined : JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

function garbage(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_IO', `what the sink gave is no record of this key: ${what}`, {
    remedy: 'check the sink; nothing was released that it does not hold',
  });
}
