/** The content of a view, in forms that can be compared. */
import type { StoreView, ViewItem } from '../../../../src/adapter/level/index.js';
import type { Recovered } from '../../../../src/adapter/persistence.js';
import { contentText } from '../../../support/content.js';
import type { PlainAnchor, PlainBlock, PlainQC } from '../../../support/plain-model.js';

/** A view of a store of the plain model. */
export type PlainView = StoreView<PlainBlock, PlainQC, PlainAnchor>;

/** The entries of items, none of which is damaged. */
export async function entriesOf<T>(items: AsyncIterable<ViewItem<T>>): Promise<T[]> {
  const entries: T[] = [];
  for await (const item of items) {
    if ('finding' in item) throw new Error(`${item.key}: ${item.finding.detail}`);
    entries.push(item.entry);
  }
  return entries;
}

/** The numbers of items: a stale item in brackets, a damaged one with its finding. */
export async function numbersOf(items: AsyncIterable<ViewItem<unknown>>): Promise<string> {
  const all: string[] = [];
  for await (const item of items) {
    const text = 'finding' in item ? `${item.number}:${item.finding.kind}` : `${item.number}`;
    all.push(item.stale ? `(${text})` : text);
  }
  return all.join(' ');
}

/** The content that opening the store would recover. */
export async function recoveredOf(view: PlainView): Promise<Recovered<PlainBlock, PlainQC, PlainAnchor>> {
  const blocks = new Map<string, PlainBlock[]>();
  for (const [lane, { first, next }] of view.cursors.lanes) {
    if (first < next) blocks.set(lane, await entriesOf(view.blocks(lane)));
  }
  return {
    ...(view.anchor === undefined ? {} : { anchor: view.anchor }),
    ...(view.inner === undefined ? {} : { inner: view.inner }),
    commitQCs: await entriesOf(view.commitQCs()),
    blocks,
  };
}

/** Cursors and entries of a view as one text, in the format of `contentOf`. */
export async function textOf(view: PlainView): Promise<string> {
  return contentText(await recoveredOf(view), view.cursors);
}
