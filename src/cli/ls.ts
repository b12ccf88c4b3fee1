/** `lanestore ls LOCATION [PREFIX]` */
import { type KeyRange, prefixRange } from '../keys/index.js';
import { AbsentError } from './command-error.js';
import { type DecodedEntry, decodeEntry } from './entries.js';
import { EXIT } from './exit-codes.js';
import { openViewAt } from './locations.js';
import { note, styled, toJson, write, writeJson } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { isNewerState, type Protocol, RAW, rawNote, withProtocol } from './protocols.js';
import { fullPrefix } from './short-keys.js';
import { openStateEntries } from './state-entries.js';
import type { Verb } from './verb.js';

/** The verb `ls`. */
export const lsVerb: Verb = {
  usage: 'LOCATION [PREFIX]',
  summary: 'lists the keys of a store, with the size and kind of each entry',
  help: [
    'PREFIX: the beginning of a key. Lanes may be shortened and numbers need no padding: lane/2bd4/ lane/2bd4/38 qc/31',
    '--json prints one object a line. Damaged and stray keys are listed too.',
    'Ends with 1 if a key is damaged, stray or missing.',
    'Ends with 5 if no key begins with PREFIX.',
    'The store is read from a private copy: a node may be running on it.',
    'A state directory of sei-73f917bbd is listed too, with the rows of the data layer (data/qc/ data/block/ ...).',
    MODEL_HELP,
  ],
  options: MODEL_OPTION,
  positionals: [1, 2],
  reads: 'store',
  takesPostgres: true,
  async run([location = '', prefix = ''], { json }) {
    const asJson = json === true;
    if (await isNewerState(location)) return listState(location, prefix, asJson);
    return withProtocol(location, (protocol) => listStore(location, prefix, asJson, protocol), { raw: true });
  },
};

async function listState(location: string, prefix: string, asJson: boolean): Promise<number> {
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
