/**
 * Keys that must not exist: keys that a lost batch had deleted, keys whose tip is lost, and keys
 * that another program wrote.
 */
import type { Finding } from '../../../errors.js';
import { parseKey } from '../../../keys/index.js';
import type { Tip } from '../format/tip.js';
import { strayKey } from '../read/log-range.js';

/**
 * The finding for a key that must not exist; undefined for an allowed key. The caller compares
 * keys with a fixed name with the tip.
 */
export function strayOf(key: string, tip: Tip): Finding | undefined {
  const parsed = parseKey(key);
  if (parsed === undefined) return strayFinding(key, tip);
  if (parsed.kind !== 'block' && parsed.kind !== 'commitQC') return undefined;
  const [extent, number] =
    parsed.kind === 'block' ? [tip.lanes.get(parsed.lane), parsed.number] : [tip.qc, parsed.index];
  const isAllowed = extent !== undefined && number >= extent.swept && number < extent.next;
  return isAllowed ? undefined : strayFinding(key, tip);
}

function strayFinding(key: string, tip: Tip): Finding {
  const parsed = parseKey(key);
  if (parsed?.kind === 'block') {
    const extent = tip.lanes.get(parsed.lane);
    const range =
      extent === undefined ? 'the tip does not know the lane' : `the lane holds [${extent.first}, ${extent.next})`;
    return { kind: 'stray', key, lane: parsed.lane, number: parsed.number, detail: `it must not be there: ${range}` };
  }
  if (parsed?.kind === 'commitQC') {
    const range = `the QC log holds [${tip.qc.first}, ${tip.qc.next})`;
    return { kind: 'stray', key, number: parsed.index, detail: `it must not be there: ${range}` };
  }
  return strayKey(key);
}
