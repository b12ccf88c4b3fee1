/** `lanestore ls LOCATION [PREFIX]` */
import { autobahn, openView } from '../index.js';
import { type KeyRange, prefixRange } from '../keys/index.js';
import { AbsentError } from './command-error.js';
import { type DecodedEntry, decodeEntry } from './entries.js';
import { EXIT } from './exit-codes.js';
import { note, styled, toJson, write, writeJson } from './output.js';
import { fullPrefix } from './short-keys.js';
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
  ],
  options: {},
  positionals: [1, 2],
  reads: 'store',
  async run([location = '', prefix = ''], { json }) {
    await using view = await openView(location, { model: autobahn });
    if (view.tip === undefined && view.refusal !== undefined) throw view.refusal;
    const range = prefix === '' ? {} : prefixRange(fullPrefix(prefix, view.cursors.lanes.keys()));
    let listed = 0;
    const damaged = new Set<string>();
    for await (const viewed of view.entries(range)) {
      const entry = decodeEntry(viewed);
      listed++;
      if (entry.finding !== undefined) damaged.add(entry.key);
      if (json === true) await writeJson(summaryOf(entry));
      else await write(`${entry.key}  ${String(entry.bytes).padStart(7)}  ${remark(entry)}\n`);
    }
    const unlisted = view.findings.filter(({ key }) => key === undefined || (isIn(range, key) && !damaged.has(key)));
    for (const { key, file, kind, detail } of unlisted.slice(0, FINDINGS_SHOWN))
      note(`${key ?? file ?? location}: ${kind}: ${detail}`);
    if (unlisted.length > FINDINGS_SHOWN) note(`and ${unlisted.length - FINDINGS_SHOWN} more; verify lists all`);
    if (damaged.size + unlisted.length > 0) return EXIT.damaged;
    if (listed === 0) throw new AbsentError(`no key of ${location} begins with "${prefix}"`);
    return EXIT.ok;
  },
};

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
