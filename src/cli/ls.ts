/** `lanestore ls LOCATION [PREFIX]` */
import { type KeyRange, prefixRange } from '../keys/index.js';
import { AbsentError } from './command-error.js';
import { type DecodedEntry, decodeEntry } from './entries.js';
import { EXIT } from './exit-codes.js';
import { openViewAt } from './locations.js';
import { note, styled, toJson, write, writeJson } from './output.js';
import { isNewerState, type Protocol, RAW, rawNote, withProtocol } from './protocols.js';
import { fullPrefix } from './short-keys.js';
import type { Run } from './verb.js';

/** Runs `ls`. */
export const run: Run = async ([location = '', prefix = ''], { json }) => {
  const asJson = json === true;
  if (await isNewerState(location)) return listState(location, prefix, asJson);
  return withProtocol(location, (protocol) => listStore(location, prefix, asJson, protocol), { raw: true });
};

async function listState(location: string, prefix: string, asJson: boolean): Promise<number> {
  const { openStateEntries } = await import('./state-entries.js');
  const state = await openStateEntries(location);
  try {
    let [listed, damaged] = [0, 0];
    for await (const entry of state.list(prefix)) {
      listed++;
      if (entry.finding !== undefined) damaged++;
      await line(entry, asJson);
    }
    for (const text of state.notes) note(`note: ${text}`);
    if (listed === 0) throw nothingListed(location, prefix);
    return damaged > 0 ? EXIT.damaged : EXIT.ok;
  } finally {
    await state.close();
  }
}

async function listStore<B, Q, A>(
  location: string,
  prefix: string,
  asJson: boolean,
  protocol: Protocol<B, Q, A>,
): Promise<number> {
  await using view = await openViewAt(location, { model: protocol.model });
  if (view.tip === undefined && view.refusal !== undefined) throw view.refusal;
  if (protocol.model === RAW.model) note(`note: ${rawNote(view.schema?.model)}`);
  const range = prefix === '' ? {} : prefixRange(fullPrefix(prefix, view.cursors.lanes.keys()));
  let listed = 0;
  const damaged = new Set<string>();
  for await (const viewed of view.entries(range)) {
    const entry = decodeEntry(viewed, protocol);
    listed++;
    if (entry.finding !== undefined) damaged.add(entry.key);
    await line(entry, asJson);
  }
  const unlisted = view.findings.filter(({ key }) => key === undefined || (isIn(range, key) && !damaged.has(key)));
  for (const { key, file, kind, detail } of unlisted.slice(0, FINDINGS_SHOWN))
    note(`${key ?? file ?? location}: ${kind}: ${detail}`);
  if (unlisted.length > FINDINGS_SHOWN) note(`and ${unlisted.length - FINDINGS_SHOWN} more; verify lists all`);
  if (damaged.size + unlisted.length > 0) return EXIT.damaged;
  if (listed === 0) throw nothingListed(view.location, prefix);
  return EXIT.ok;
}

function nothingListed(location: string, prefix: string): AbsentError {
  return new AbsentError(`no key of ${location} begins with "${prefix}"`);
}

function line(entry: DecodedEntry, asJson: boolean): Promise<void> {
  if (asJson) return writeJson(summaryOf(entry));
  return write(`${entry.key}  ${String(entry.bytes).padStart(7)}  ${remark(entry)}\n`);
}

/**
 * Number of findings without a listed key (missing records, files) that are printed; the rest is
 * counted.
 */
const FINDINGS_SHOWN = 20;

function isIn({ gte = '', lt }: Partial<KeyRange>, key: string): boolean {
  return key >= gte && (lt === undefined || key < lt);
}

/** The entry without its value, which `get` prints. */
function summaryOf({ value: _value, wire: _wire, ...rest }: DecodedEntry): object {
  return rest;
}

function remark({ kind, hashes, stored, finding }: DecodedEntry): string {
  const separated = stored === 'inline' ? '' : ` in ${stored.file} at ${stored.offset}`;
  if (finding !== undefined) return styled('red', `${finding.kind}: ${finding.detail}`);
  const [name, hash] = Object.entries(hashes ?? {})[0] ?? [];
  const known = hash === undefined ? '' : ` ${name} ${toJson(hash).slice(1, 17)}…`;
  return `${kind}${known}${separated}`;
}
