/**
 * From format 1 to format 2: the store keeps the votes of its key. Entries stay as they are.
 *
 *   1. every record is checked, on a private copy, before anything is opened in its place
 *   2. one batch: the tip, with the checksums of the votes; the schema; the votes, from what the
 *      inner state tells of them, and closed; a record of the event
 *
 * A crash leaves the store before the batch or after it, so there is nothing to go on with.
 */
import {
  amended,
  encodeSchema,
  examineEngine,
  FORMAT,
  prepareWitness,
  storePaths,
} from '../adapter/level/conversion.js';
import { openView } from '../adapter/level/index.js';
import { diskFiles } from '../base/files.js';
import { SCHEMA_KEY } from '../keys/index.js';
import type { StepContext, StepReport } from './step.js';
import { closedVotes } from './vote-history.js';

/**
 * Checks everything that the store holds, without opening it.
 * @throws as opening it, were it of this format.
 */
export async function checkFormat1<B, Q, A>({
  model,
  location,
}: Pick<StepContext<B, Q, A>, 'model' | 'location'>): Promise<void> {
  await using view = await openView(location, { model });
  if (view.refusal !== undefined) throw view.refusal;
}

/** Runs the step, in one batch. @throws LANESTORE_CORRUPT; LANESTORE_IO. */
export async function addVotes<B, Q, A>({
  engine,
  model,
  location,
  dryRun,
}: StepContext<B, Q, A>): Promise<StepReport> {
  const { schema, tip, records } = await examineEngine(engine, { model, depth: 'singles', oldestFormat: 1 });
  const { anchor, inner } = records.singles;
  const votes = closedVotes(model, inner, anchor);
  if (!dryRun) {
    const next = amended(tip, { votes, event: { event: 'schema-step', from: 1, to: FORMAT } });
    const [tipPut, ...rest] = next.operations;
    const record = encodeSchema({ ...schema, format: FORMAT });
    // A store that was created, or migrated, and never opened: its creation ends here, for without
    // a witness no store opens at a later seq than 0.
    if (tip.seq === 0n) await (await prepareWitness(storePaths(location), tip, false, diskFiles)).close();
    await engine.write([tipPut!, { type: 'put', key: SCHEMA_KEY, value: record.bytes }, ...rest]);
  }
  return { entries: 0, stale: 0 };
}
