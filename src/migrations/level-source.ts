/** A level store as a source: the entries that its tip requires, read from a private copy. */
import { openView, type StoreView, type ViewItem } from '../adapter/level/index.js';
import { anchorPoint } from '../adapter/round-plan.js';
import { LanestoreError } from '../errors.js';
import type { EntryCodec, Model } from '../model/model.js';
import type { Detection } from './layout.js';
import type { Source, SourceEntry } from './source.js';

/** Options of {@link openLevelSource}. */
export interface LevelSourceOptions {
  /**
   * False for a store that was just written. All of its entries are then read and compared anyway,
   * so they are not read twice.
   */
  readonly examine?: boolean;
}

/**
 * Opens the source.
 * @throws LANESTORE_CORRUPT, LANESTORE_ROLLED_BACK with findings for a store that does not open;
 * LANESTORE_SCHEMA; LANESTORE_IO.
 */
export async function openLevelSource<B, Q, A>(
  { location }: Pick<Detection, 'location'>,
  model: Model<B, Q, A>,
  { examine = true }: LevelSourceOptions = {},
): Promise<Source<B, Q, A>> {
  return viewSource(await openView(location, { model, examine }), model);
}

/**
 * A view as a source, which closes it.
 * @throws `refusal` of a view of a store that would not open; then the view is closed.
 */
export async function viewSource<B, Q, A>(view: StoreView<B, Q, A>, model: Model<B, Q, A>): Promise<Source<B, Q, A>> {
  const { refusal, anchor, inner, cursors, location } = view;
  if (refusal !== undefined) {
    await view.close().catch(() => undefined);
    throw refusal;
  }
  return {
    layout: 'level',
    location,
    anchor: anchor === undefined ? undefined : { entry: anchor, point: anchorPoint(model, anchor) },
    inner,
    votes: view.votes,
    commitQCLog: { leastNext: cursors.commitQCs.next },
    lanes: new Map([...cursors.lanes].map(([lane, { next }]) => [lane, { leastNext: next }])),
    commitQCs: () => entriesOf(view.commitQCs(), model.commitQC),
    blocks: (lane) => entriesOf(view.blocks(lane), model.block),
    notes: view.notes,
    close: () => view.close(),
  };
}

async function* entriesOf<T>(
  items: AsyncIterable<ViewItem<T>>,
  codec: EntryCodec<T>,
): AsyncGenerator<SourceEntry<T>, void, void> {
  for await (const item of items) {
    // Every entry was checked when the view was opened, so the copy has been damaged since.
    if ('finding' in item) {
      throw new LanestoreError('LANESTORE_CORRUPT', `${item.key}: ${item.finding.detail}`, {
        findings: [item.finding],
      });
    }
    yield { entry: item.entry, number: item.number, wire: codec.toWire(item.entry), place: { key: item.key } };
  }
}
