/** A source for a segment-file WAL: `wal` and `wal-crc`. */

import { join } from 'node:path';
import {
  BLOCKS_DIR,
  blockCodec,
  COMMIT_QCS_DIR,
  commitQCCodec,
  isNoLane,
  type LogOutline,
  listLanes,
  outlineLog,
  SegmentReader,
  streamLog,
} from '../adapter/wal/conversion.js';
import type { LogCodec } from '../adapter/wal/index.js';
import { appendAll } from '../base/lists.js';
import { LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import type { Model } from '../model/model.js';
import type { Detection } from './layout.js';
import { readPairs, refuse, type Source, type SourceEntry, type SourceLog, SourceState } from './source.js';

/**
 * Opens the source: reads names and lengths now, and the entries when they are requested.
 * @throws LANESTORE_IMPORT, LANESTORE_IO.
 */
export async function openWalSource<B, Q, A>(
  { location, layout }: Detection,
  model: Model<B, Q, A>,
): Promise<Source<B, Q, A>> {
  const pairs = await readPairs(location, model);
  const notes = [...pairs.notes];
  const reader = new SegmentReader();
  const qcOutline = await outlineLog(join(location, COMMIT_QCS_DIR), { directory: COMMIT_QCS_DIR }, reader);
  const { lanes, dropped, ...names } = await listLanes(location);
  refuse(location, names.findings);
  const strays = [...names.strays];
  const outlines = new Map<LaneId, LogOutline>();
  for (const { lane, name } of lanes) {
    const place = { directory: `${BLOCKS_DIR}/${name}`, lane };
    const outline = await outlineLog(join(location, BLOCKS_DIR, name), place, reader);
    if (isNoLane(lane, outline)) strays.push(place.directory);
    else outlines.set(lane, outline);
  }
  const all = [qcOutline, ...outlines.values()];
  refuse(
    location,
    all.flatMap(({ findings }) => findings),
  );
  for (const outline of all) appendAll(notes, outline.notes);
  const skipped = [...strays, ...dropped.map((name) => `${BLOCKS_DIR}/${name}`), ...all.flatMap((log) => log.strays)];
  for (const name of skipped) notes.push(`skipped ${name}: it is not part of the layout`);
  const note = (text: string) => notes.push(text);
  const state = new SourceState();
  return {
    layout,
    location,
    anchor: pairs.anchor,
    inner: pairs.inner,
    commitQCLog: logOf(qcOutline),
    lanes: new Map([...outlines].map(([lane, outline]) => [lane, logOf(outline)])),
    commitQCs: () => state.guard(entriesOf(qcOutline, commitQCCodec(model), reader, note)),
    blocks: (lane) => {
      const outline = outlines.get(lane);
      return state.guard(outline === undefined ? nothing() : entriesOf(outline, blockCodec(model, lane), reader, note));
    },
    notes,
    close: async () => {
      state.close();
      reader.free();
    },
  };
}

/**
 * Indexes count appends from 1, and each number was appended at most once: so the log's next number
 * is at least `index - 1`.
 */
function logOf({ firstIndex }: LogOutline): SourceLog {
  return { leastNext: firstIndex === undefined ? 0n : firstIndex - 1n };
}

async function* entriesOf<T>(
  outline: LogOutline,
  codec: LogCodec<T>,
  reader: SegmentReader,
  note: (text: string) => void,
): AsyncGenerator<SourceEntry<T>, void, void> {
  let first = true;
  for await (const { entry, bytes, file, offset } of streamLog(outline, codec, reader, note)) {
    const number = codec.number!(entry);
    if (first && number < outline.firstIndex! - 1n) {
      const detail = `its first entry has number ${number}, but its name says that ${outline.firstIndex! - 1n} came before`;
      throw new LanestoreError('LANESTORE_CORRUPT', `${file}: ${detail}`, {
        findings: [{ kind: 'segment-names', file, number, detail }],
      });
    }
    first = false;
    yield { entry, number, wire: bytes, place: { file, offset } };
  }
}

async function* nothing(): AsyncGenerator<never, void, void> {}
