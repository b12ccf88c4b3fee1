/** The offline check of a state directory of the original. */
import { FindingList } from '../adapter/finding-list.js';
import { type Finding, isLanestoreError } from '../errors.js';
import type { EntryChecks } from '../model/checks.js';
import type { Model } from '../model/model.js';
import type { EntryPlace, Source, SourceEntry } from './source.js';

/** The result of {@link verifyState}. */
export interface StateReport {
  /** Number of entries that were read, and their bytes as protobuf. */
  readonly entries: number;
  readonly bytes: number;
  /** Number of rows of the data layer that were checked. */
  readonly rows: number;
  /** At most 1,000. */
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
}

/**
 * Reads a whole source, and collects what `checks` finds: not only the first fault, as an import
 * does. Entries below the anchor are checked too; only an import checks that the logs begin where
 * the anchor requires.
 * @throws LANESTORE_IO; damage is in `findings`.
 */
export async function verifyState<B, Q, A>(
  source: Source<B, Q, A>,
  model: Model<B, Q, A>,
  checks: EntryChecks<B, Q, A>,
): Promise<StateReport> {
  const run = new Verification();
  const { anchor, inner } = source;
  if (anchor !== undefined) run.check('the anchor', {}, () => checks.anchor?.(anchor.entry));
  if (inner !== undefined) run.check('the inner state', {}, () => checks.inner?.(inner));
  let [first, next]: (bigint | undefined)[] = [];
  await run.read(source.commitQCs(), ({ entry, number, place }) => {
    first ??= number;
    next = number + 1n;
    run.check(`CommitQC ${number}`, { number, ...place }, () => checks.commitQC?.(entry));
  });
  const index = anchor === undefined ? 0n : model.anchor.index(anchor.entry);
  const roads = { first: first ?? index, next: next ?? index + 1n };
  for (const lane of source.lanes.keys()) {
    let before: B | undefined;
    await run.read(source.blocks(lane), ({ entry, number, place }) => {
      const previous = before;
      before = entry;
      const name = `block ${number} of lane ${lane}`;
      run.check(name, { lane, number, ...place }, () => checks.block?.(entry, previous, roads));
    });
  }
  if (source.data !== undefined) {
    for await (const read of source.data.rows()) {
      if ('findings' in read) run.findings.addAll(read.findings);
      else run.check(`row ${read.place.number}`, read.place, () => checks.row?.(read.row));
      run.rows++;
    }
  }
  const { kept, total } = run.findings;
  return { entries: run.entries, bytes: run.bytes, rows: run.rows, findings: kept, findingsTotal: total };
}

class Verification {
  readonly findings = new FindingList();
  entries = 0;
  bytes = 0;
  rows = 0;

  /** Reads a log to its end, or to the entry that cannot be read. */
  async read<T>(entries: AsyncIterable<SourceEntry<T>>, use: (entry: SourceEntry<T>) => void): Promise<void> {
    try {
      for await (const entry of entries) {
        this.entries++;
        this.bytes += entry.wire.length;
        use(entry);
      }
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_CORRUPT')) throw error;
      this.findings.addAll(error.findings ?? [{ kind: 'damaged', detail: error.message }]);
    }
  }

  check(name: string, place: EntryPlace & Pick<Finding, 'lane' | 'number'>, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!isLanestoreError(error)) throw error;
      const kind = error.code === 'LANESTORE_VERIFY' ? 'entry-verify' : 'entry-invalid';
      this.findings.addAll([{ kind, ...place, detail: `${name}: ${error.message}` }]);
    }
  }
}
