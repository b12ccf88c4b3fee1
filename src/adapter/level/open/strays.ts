/**
 * Finds keys that must not exist: keys that a lost batch had deleted, keys whose tip is lost, and
 * keys that another program wrote. Every gap between the keys that the tip allows is searched;
 * values are not read.
 */
import type { Finding } from '../../../errors.js';
import {
  ANCHOR_KEY,
  INNER_KEY,
  type KeyRange,
  LANE_FLOORS_KEY,
  parseKey,
  SCHEMA_KEY,
  TIP_KEY,
  VOTES_KEY,
} from '../../../keys/index.js';
import type { Engine } from '../engine.js';
import { logRange, QC_LOG } from '../format/log.js';
import type { Tip } from '../format/tip.js';
import { keysIn, strayKey } from '../read/log-range.js';

/** A range of keys, open where a bound is absent. */
type Gap = Partial<KeyRange>;

/**
 * Reports every key that the tip does not allow. In [swept, first), where stale entries may remain,
 * it reports every key that is not an entry.
 */
export async function findStrays(engine: Engine, tip: Tip, report: (finding: Finding) => void): Promise<void> {
  for (const gap of gapsOf(tip)) {
    for await (const key of keysIn(engine, gap)) if (parseKey(key)?.kind !== 'event') report(strayFinding(key, tip));
  }
  for (const [log, { swept, first }] of [[QC_LOG, tip.qc] as const, ...tip.lanes]) {
    if (swept === first) continue;
    for await (const key of keysIn(engine, logRange(log, swept, first))) {
      if (parseKey(key) === undefined) report(strayFinding(key, tip));
    }
  }
}

/**
 * The finding for a key that must not exist; undefined for an allowed key. The caller compares
 * anchor and inner state with the tip.
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

/** The gaps between the allowed keys, in the order of keys. */
function gapsOf(tip: Tip): Gap[] {
  const gaps: Gap[] = [];
  let from: Gap = {};
  const allow = ({ gte, lt }: KeyRange) => {
    gaps.push({ ...from, lt: gte });
    from = { gte: lt };
  };
  const allowKey = (key: string) => allow({ gte: key, lt: `${key}\0` });
  allowKey(ANCHOR_KEY);
  allowKey(INNER_KEY);
  for (const [lane, { swept, next }] of tip.lanes) allow(logRange(lane, swept, next));
  allowKey(SCHEMA_KEY);
  allowKey(TIP_KEY);
  allow(logRange(QC_LOG, tip.qc.swept, tip.qc.next));
  allowKey(VOTES_KEY);
  allowKey(LANE_FLOORS_KEY);
  gaps.push(from);
  return gaps;
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
