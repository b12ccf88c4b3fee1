/** `lanestore get LOCATION KEY` */
import type { StoreView } from '../index.js';
import { AbsentError, CommandError, UsageError } from './command-error.js';
import { type DecodedEntry, decodeEntry } from './entries.js';
import { EXIT } from './exit-codes.js';
import { openViewAt } from './locations.js';
import { note, plain, print, styled, toJson, write } from './output.js';
import { isNewerState, type Protocol, RAW, rawNote, withProtocol } from './protocols.js';
import { fullKey } from './short-keys.js';
import type { OptionValues, Run } from './verb.js';

/** Bytes of a record before and after its body (docs/format.md). */
const [HEAD_BYTES, TAIL_BYTES] = [2, 5];

/** Runs `get`. */
export const run: Run = async ([location = '', typed = ''], options) => {
  const { json, raw, cbor, proto } = options;
  if ([json, raw, cbor, proto].filter((chosen) => chosen === true).length > 1)
    throw new UsageError('only one of --json, --raw, --cbor and --proto at a time');
  if (await isNewerState(location)) return getFromState(location, typed, options);
  return withProtocol(location, (protocol) => getFromStore(location, typed, options, protocol), { raw: true });
};

async function getFromState(location: string, typed: string, options: OptionValues): Promise<number> {
  if (options.raw === true || options.cbor === true)
    throw new UsageError('a state directory has no records: --proto prints the entry as it is stored');
  const { entryAt } = await import('./state-entries.js');
  const entry = await entryAt(location, typed);
  await show(entry, options);
  return verdict(entry.key, entry.finding);
}

async function getFromStore<B, Q, A>(
  location: string,
  typed: string,
  options: OptionValues,
  protocol: Protocol<B, Q, A>,
): Promise<number> {
  await using view = await openViewAt(location, { model: protocol.model });
  if (view.tip === undefined && view.refusal !== undefined) throw view.refusal;
  if (protocol.model === RAW.model) note(`note: ${rawNote(view.schema?.model)}`);
  const key = fullKey(typed, view.cursors.lanes.keys());
  const viewed = await view.get(key);
  if (viewed === undefined) return reportAbsent(view, key);
  if (options.raw === true) await write(viewed.value);
  else if (options.cbor === true) await write(viewed.value.subarray(HEAD_BYTES, -TAIL_BYTES));
  else await show(decodeEntry(viewed, protocol), options);
  return verdict(key, viewed.finding ?? view.findings.find((found) => found.key === key));
}

/** Prints a decoded entry, or its protobuf. */
async function show({ wire, ...entry }: DecodedEntry, { json, proto }: OptionValues): Promise<void> {
  if (proto === true) {
    if (wire === undefined) throw noProtobuf(entry.key, entry.finding?.detail);
    await write(wire);
  } else if (json === true) print(toJson(entry, 2));
  else showTree(plain(entry), '');
}

function verdict(key: string, finding: DecodedEntry['finding']): number {
  if (finding === undefined) return EXIT.ok;
  note(`${key}: ${finding.kind}: ${finding.detail}`);
  return EXIT.damaged;
}

/**
 * Prints why a key was not found. The absence is damage if the store must hold the key, or cannot
 * be read completely.
 * @throws AbsentError otherwise.
 */
function reportAbsent({ findings, refusal, location }: AnyView, key: string): number {
  const finding = findings.find((found) => found.key === key);
  if (finding !== undefined) note(`${key}: ${finding.kind}: ${finding.detail}`);
  else if (refusal !== undefined && findings.some((found) => found.key === undefined))
    note(`${key}: not found, but the store is damaged and may have held it; lanestore verify lists the findings`);
  else throw new AbsentError(`there is no ${key} in ${location}`);
  return EXIT.damaged;
}

type AnyView = Pick<StoreView<unknown, unknown, unknown>, 'findings' | 'refusal' | 'location'>;

/** The error for an entry without protobuf: it is damaged, or the original has no such kind. */
function noProtobuf(key: string, damage: string | undefined): CommandError {
  if (damage !== undefined) return new CommandError('damaged', `${key} has no readable protobuf: ${damage}`);
  return new UsageError(`${key} has no protobuf; --json, --raw and --cbor print it`);
}

/** Prints one field per line, nested fields indented. */
function showTree(value: unknown, indent: string): void {
  for (const [name, item] of Object.entries(value as object)) {
    if (typeof item === 'object' && item !== null && Object.keys(item).length > 0) {
      print(`${indent}${styled('bold', name)}`);
      showTree(item, `${indent}  `);
    } else {
      const empty = Array.isArray(item) ? '[]' : '{}';
      print(`${indent}${name} ${typeof item === 'object' && item !== null ? empty : String(item)}`);
    }
  }
}
