/**
 * From format 0 to format 2.
 *
 *   1. everything is read under a node's start rules, and its digest taken; what breaks a rule ends
 *      it here
 *   2. the first batch: meta/event/0 says that the step has begun
 *   3. batches of some MiB: each entry goes from its old key to its new one in the same batch; what
 *      is below the anchor goes
 *   4. everything is read once more, and must have the digest of 1
 *   5. the last batch: tip, schema and votes, which are closed; from here on the store opens, with
 *      seq 0, as one that was just created
 *
 * A crash anywhere leaves some entries old and some new; 1 reads both, so the step begins again and
 * does the rest.
 */

import { randomBytes } from 'node:crypto';
import { ROUND_ENTRIES } from '../adapter/backpressure.js';
import {
  type EncodedRecord,
  type Engine,
  encodeRecord,
  encodeSchema,
  encodeTip,
  encodeVotes,
  FORMAT,
  firstTip,
  type Operation,
  STEP_KEY,
  STORE_ID_BYTES,
} from '../adapter/level/conversion.js';
import type { Extent, Tip } from '../adapter/level/index.js';
import type { Format0Key } from '../keys/format-0.js';
import {
  ANCHOR_KEY,
  blockKey,
  commitQCKey,
  INNER_KEY,
  type LaneId,
  SCHEMA_KEY,
  TIP_KEY,
  VOTES_KEY,
} from '../keys/index.js';
import { ContentDigest, type DigestPart, differenceOf } from './digest.js';
import { bodyOf, everyEntry, Format0Content, isConverted, namedBy } from './format-0.js';
import { importError } from './layout.js';
import { newTally, startContent } from './start-rules.js';
import type { StepContext, StepReport } from './step.js';
import { closedVotes } from './vote-history.js';

/** A batch is written when its values have so many bytes, */
const BATCH_BYTES = 4 * 1024 * 1024;
/** or when it has so many operations: it is composed in one turn of the event loop. */
const BATCH_OPERATIONS = ROUND_ENTRIES;

/** What the content amounts to. */
interface Survey<A> {
  readonly parts: readonly DigestPart[];
  readonly entries: number;
  readonly stale: number;
  readonly commitQCs: Extent;
  readonly lanes: ReadonlyMap<LaneId, Extent>;
  /** The anchor's CommitQC, if the log lacks it. */
  readonly anchor: A | undefined;
  readonly inner: Uint8Array | undefined;
  readonly missingQC: { readonly key: string; readonly record: EncodedRecord } | undefined;
}

/**
 * Runs the step, or goes on with it.
 * @throws LANESTORE_IMPORT with findings before anything is written; LANESTORE_IO.
 */
export async function convertFormat0<B, Q, A>(context: StepContext<B, Q, A>): Promise<StepReport> {
  const survey = await read(context);
  if (context.dryRun) return { entries: survey.entries, stale: survey.stale };
  const { engine } = context;
  const startedAt = new Date().toISOString();
  if ((await engine.get(STEP_KEY)) === undefined) await engine.write([put(STEP_KEY, event({ startedAt }))]);
  const entries = await convert(context, survey);
  const difference = differenceOf(survey.parts, (await read(context)).parts);
  if (difference !== undefined) {
    throw importError(`${context.location}: what was converted is not what was there: ${difference}; it is not opened`);
  }
  await finish(context, survey);
  return { entries, stale: survey.stale };
}

async function read<B, Q, A>({ engine, model, checks, location }: StepContext<B, Q, A>): Promise<Survey<A>> {
  const content = await Format0Content.read(engine, model, location);
  const tally = newTally();
  const digest = new ContentDigest();
  let commitQCs: Extent = extentFrom(0n);
  const lanes = new Map<LaneId, Extent>();
  let missingQC: Survey<A>['missingQC'];
  let anchor: A | undefined;
  let inner: Uint8Array | undefined;
  for await (const item of startContent(await content.source(), model, checks, tally)) {
    digest.add(item);
    if (item.kind === 'anchor') anchor = item.entry;
    else if (item.kind === 'inner') inner = item.wire;
    else if (item.kind === 'log' && item.lane === undefined) commitQCs = extentFrom(item.first);
    else if (item.kind === 'commitQC') {
      commitQCs = { ...commitQCs, next: item.number + 1n };
      if (tally.anchorQCAdded && missingQC === undefined) {
        const key = commitQCKey(item.number);
        missingQC = { key, record: encodeRecord(key, model.commitQC.toBody(item.entry)) };
      }
    } else if (item.kind === 'block') {
      // A lane that holds nothing has no cursor, and begins where the anchor has it begin.
      const extent = lanes.get(item.lane) ?? extentFrom(item.number);
      lanes.set(item.lane, { ...extent, next: item.number + 1n });
    }
  }
  const parts = digest.parts();
  const stale = tally.staleBlocks + tally.staleCommitQCs;
  return {
    parts,
    entries: parts.reduce((sum, part) => sum + part.entries, 0),
    stale,
    commitQCs,
    lanes,
    anchor,
    inner,
    missingQC,
  };
}

function extentFrom(first: bigint): Extent {
  return { first, next: first, swept: first };
}

async function convert<B, Q, A>(context: StepContext<B, Q, A>, survey: Survey<A>): Promise<number> {
  const { engine, onProgress } = context;
  let batch: Operation[] = survey.missingQC === undefined ? [] : [put(survey.missingQC.key, survey.missingQC.record)];
  let bytes = 0;
  let entries = 0;
  const write = async () => {
    if (batch.length > 0) await engine.write(batch);
    batch = [];
    bytes = 0;
    onProgress?.(entries);
  };
  for await (const [key, value] of everyEntry(engine)) {
    const named = namedBy(key);
    if (named === undefined) continue;
    if (batch.length >= BATCH_OPERATIONS) await write();
    if (isStale(named, survey)) {
      batch.push({ type: 'del', key });
      continue;
    }
    if (isConverted(key, value)) continue;
    const newKey = keyOf(named);
    batch.push(put(newKey, encodeRecord(newKey, bodyOf(key, value))));
    if (newKey !== key) batch.push({ type: 'del', key });
    entries++;
    bytes += value.length;
    if (bytes >= BATCH_BYTES) await write();
  }
  await write();
  return entries;
}

function isStale(named: Format0Key, { commitQCs, lanes }: Pick<Survey<unknown>, 'commitQCs' | 'lanes'>): boolean {
  if (named.kind === 'commitQC') return named.index < commitQCs.first;
  if (named.kind !== 'block') return false;
  const extent = lanes.get(named.lane);
  return extent === undefined || named.number < extent.first;
}

function keyOf(named: Format0Key): string {
  switch (named.kind) {
    case 'anchor':
      return ANCHOR_KEY;
    case 'inner':
      return INNER_KEY;
    case 'block':
      return blockKey(named.lane, named.number);
    case 'commitQC':
      return commitQCKey(named.index);
  }
}

/** Tip first, as in every batch. */
async function finish<B, Q, A>({ engine, model }: StepContext<B, Q, A>, survey: Survey<A>): Promise<void> {
  const store = new Uint8Array(randomBytes(STORE_ID_BYTES));
  const createdAt = new Date().toISOString();
  const votes = encodeVotes(closedVotes(model, survey.inner, survey.anchor), 0n);
  const tip: Tip = {
    ...firstTip(store, votes.crc),
    anchor: await crcOf(engine, ANCHOR_KEY),
    inner: await crcOf(engine, INNER_KEY),
    qc: survey.commitQCs,
    lanes: new Map([...survey.lanes].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  const finished = event({ finishedAt: createdAt, entries: survey.entries, stale: survey.stale });
  await engine.write([
    put(TIP_KEY, encodeTip(tip)),
    put(SCHEMA_KEY, encodeSchema({ format: FORMAT, model: model.name, store, createdAt })),
    put(VOTES_KEY, votes),
    put(STEP_KEY, finished),
  ]);
}

/** The last four bytes of a record are its crc. */
async function crcOf(engine: Engine, key: string): Promise<number | null> {
  const value = await engine.get(key);
  return value === undefined ? null : Buffer.from(value.subarray(-4)).readUInt32BE(0);
}

function event(detail: object): EncodedRecord {
  return encodeRecord(STEP_KEY, { event: 'schema-step', from: 0, to: FORMAT, ...detail });
}

function put(key: string, record: EncodedRecord): Operation {
  return { type: 'put', key, value: record.bytes };
}
