/**
 * A source of the layout `sei-73f917bbd`: the state of a node of the original at 73f917bbd. The
 * logs are seiwal, the anchor is the newest full row of the block store, inner is a pair of A/B
 * files with a checksum.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readBlockStore } from '../adapter/littdb/index.js';
import { anchorPoint } from '../adapter/round-plan.js';
import {
  BLOCKS_DIR,
  blockCodec,
  COMMIT_QCS_DIR,
  commitQCCodec,
  fileOf,
  INNER_PREFIX,
  reading,
  readSeiwal,
  recordsOf,
  type SeiwalLog,
  scanAB,
} from '../adapter/wal/conversion.js';
import type { LogCodec } from '../adapter/wal/index.js';
import { closeAll } from '../base/close-stack.js';
import { messageOf } from '../base/permission-model.js';
import { type Finding, type FindingKind, isLanestoreError, LanestoreError } from '../errors.js';
import { type LaneId, laneBytes, laneIdOf, laneOfHex } from '../keys/index.js';
import { LANE_BYTES, laneParts } from '../model/autobahn/73f917bbd/lane.js';
import type { PruneAnchor } from '../model/autobahn/73f917bbd/types.js';
import type { Model } from '../model/model.js';
import { DataRows } from './data-rows.js';
import { type Detection, SEI_LAYOUT } from './layout.js';
import { copyLiveState } from './private-state.js';
import { notesOn, refuse, type Source, type SourceEntry, type SourceLog, SourceState } from './source.js';
import { isInUse } from './source-guard.js';
import { refuseOtherVersion } from './versions.js';

/**
 * Opens the source: reads all logs once now, and their entries again when they are requested. If a
 * process writes to it, a private copy is read, which `close` removes.
 * @throws LANESTORE_SCHEMA for another model; LANESTORE_IMPORT with findings; LANESTORE_IO.
 */
export async function openSeiSource<B, Q, A>(
  { location }: Pick<Detection, 'location'>,
  model: Model<B, Q, A>,
): Promise<Source<B, Q, A>> {
  refuseOtherVersion({ location, layout: SEI_LAYOUT }, model);
  if (!isInUse(location)) return openAt(location, location, model);
  const copy = await copyLiveState(location);
  try {
    const source = await openAt(copy.path, location, model);
    const notes = ['a process writes to it: a private copy is read, as of one moment', ...source.notes];
    return { ...source, notes, close: () => closeAll([() => source.close(), () => copy.remove()]) };
  } catch (error) {
    await copy.remove();
    throw error;
  }
}

/** `read` is the directory that is read, `location` the one that it stands for. */
async function openAt<B, Q, A>(read: string, location: string, model: Model<B, Q, A>): Promise<Source<B, Q, A>> {
  const pair = await scanAB(read, INNER_PREFIX);
  const store = await readBlockStore(read);
  const qcLog = await readSeiwal(join(read, COMMIT_QCS_DIR), { directory: COMMIT_QCS_DIR });
  const { lanes, strays, findings } = await laneLogs(read);
  const logs = [qcLog, ...lanes.values()];
  refuse(location, [
    ...pair.findings,
    ...encodingFindings(pair.newest),
    ...store.findings,
    ...findings,
    ...logs.flatMap((log) => log.findings),
  ]);
  const inner = pair.newest === undefined ? undefined : new Uint8Array(pair.newest.data);
  const data = new DataRows(store);
  const anchor = await anchorOf(location, data, model);
  const closed = closedLanes(anchor?.entry as PruneAnchor | undefined, lanes.keys());
  const skipped = [...strays, ...logs.flatMap((log) => log.strays)];
  const notes = [
    ...pair.notes,
    ...notesOn(pair, inner, model),
    ...store.notes,
    ...logs.flatMap((log) => log.notes),
    ...skipped.map((name) => `skipped ${name}: it is not part of the layout`),
    ...[...closed].map((lane) => `${BLOCKS_DIR}/${lane}: the anchor's epoch has closed this lane: a node removes it`),
  ];
  const state = new SourceState();
  return {
    layout: SEI_LAYOUT,
    location,
    anchor,
    inner,
    closedLanes: closed,
    data,
    commitQCLog: logOf(qcLog),
    lanes: new Map([...lanes].map(([lane, log]) => [lane, logOf(log)])),
    commitQCs: () => state.guard(entriesOf(qcLog, commitQCCodec(model))),
    blocks: (lane) => {
      const log = lanes.get(lane);
      return state.guard(log === undefined ? nothing() : entriesOf(log, blockCodec(model, lane)));
    },
    notes,
    close: async () => state.close(),
  };
}

async function laneLogs(location: string) {
  const directory = join(location, BLOCKS_DIR);
  const names = (await reading(`list ${directory}`, () => readdir(directory))).sort();
  const lanes = new Map<LaneId, SeiwalLog>();
  const strays: string[] = [];
  const findings: Finding[] = [];
  for (const name of names) {
    const place = `${BLOCKS_DIR}/${name}`;
    const lane = laneOfHex(name);
    if (lane === undefined || lane.length !== 2 * LANE_BYTES) strays.push(place);
    else if (lanes.has(lane)) {
      findings.push({ kind: 'name-twice', lane, file: place, detail: 'another directory has the same lane' });
    } else lanes.set(lane, await readSeiwal(join(directory, name), { directory: place, lane }));
  }
  return { lanes: new Map([...lanes].sort(([a], [b]) => (a < b ? -1 : 1))), strays, findings };
}

/** A node of this version writes A/B files with a checksum only. */
function encodingFindings(newest: Awaited<ReturnType<typeof scanAB>>['newest']): Finding[] {
  if (newest === undefined || newest.encoding === 'crc') return [];
  const detail = 'it has no checksum: a node of an older version wrote it, and its votes would be lost';
  return [{ kind: 'layout-mixed', file: fileOf(INNER_PREFIX, newest.slot), detail }];
}

async function anchorOf<B, Q, A>(location: string, data: DataRows, model: Model<B, Q, A>) {
  try {
    const entry = (await data.anchor()) as A | undefined;
    return entry === undefined ? undefined : { entry, point: anchorPoint(model, entry) };
  } catch (error) {
    if (!isLanestoreError(error, 'LANESTORE_CORRUPT')) throw error;
    return refuse(location, error.findings ?? []);
  }
}

/**
 * The lanes whose validators joined before the anchor's epoch, and are not in its committee, which
 * has a range for each of its lanes in the anchor's CommitQC.
 */
function closedLanes(anchor: PruneAnchor | undefined, lanes: Iterable<LaneId>): ReadonlySet<LaneId> {
  if (anchor === undefined) return new Set();
  const { view, laneRanges } = anchor.commitQC.vote;
  const open = new Set(laneRanges.map(({ lane }) => laneIdOf(lane)));
  return new Set([...lanes].filter((lane) => !open.has(lane) && laneParts(laneBytes(lane)).joined < view.epochIndex));
}

function logOf({ extent }: SeiwalLog): SourceLog {
  return { leastNext: extent === undefined ? 0n : extent.last + 1n };
}

async function* entriesOf<T>(log: SeiwalLog, codec: LogCodec<T>): AsyncGenerator<SourceEntry<T>, void, void> {
  if (log.suffixFirst === undefined) return;
  for await (const { index, payload, file, at } of recordsOf(log, log.suffixFirst)) {
    const fail = (kind: FindingKind, detail: string) => {
      const { lane } = log.place;
      const where = { ...(lane === undefined ? {} : { lane }), number: index, file, offset: at };
      return new LanestoreError('LANESTORE_CORRUPT', `${file}, byte ${at}: ${detail}`, {
        findings: [{ kind, ...where, detail }],
      });
    };
    let entry: T;
    try {
      entry = codec.decode(payload);
    } catch (error) {
      throw fail('entry-undecodable', messageOf(error));
    }
    const number = codec.number!(entry);
    if (number !== index) throw fail('entry-name', `the record has index ${index}, its entry number ${number}`);
    yield { entry, number, wire: payload, place: { file, offset: at } };
  }
}

async function* nothing(): AsyncGenerator<never, void, void> {}
