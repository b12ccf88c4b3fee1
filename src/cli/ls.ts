/** `lanestore ls LOCATION [PREFIX]` */
import { autobahn, openView, prefixRange } from '../index.js';
import { type DecodedEntry, decodeEntry } from './entries.js';
import { EXIT, styled, toJson, write, writeJson } from './output.js';
import { fullPrefix } from './short-keys.js';
import type { Verb } from './verb.js';

/** The verb `ls`. */
export const lsVerb: Verb = {
  usage: 'LOCATION [PREFIX]',
  summary: 'lists the keys of a store, with sizes and what stands under each',
  help: [
    'PREFIX: the beginning of a key; of a lane some digits do, and numbers need no padding: lane/2bd4/ lane/2bd4/38 qc/31',
    '--json prints one object a line. Damaged and stray keys are listed too, and end with 1.',
    'Works on a private copy: a node may run meanwhile.',
  ],
  options: {},
  positionals: [1, 2],
  async run([location = '', prefix = ''], { json }) {
    await using view = await openView(location, { model: autobahn });
    if (view.tip === undefined && view.refusal !== undefined) throw view.refusal;
    const range = prefix === '' ? {} : prefixRange(fullPrefix(prefix, view.cursors.lanes.keys()));
    let status: number = EXIT.fine;
    for await (const viewed of view.entries(range)) {
      const entry = decodeEntry(viewed);
      if (entry.finding !== undefined) status = EXIT.findings;
      if (json === true) await writeJson(listed(entry));
      else await write(`${entry.key}  ${String(entry.bytes).padStart(7)}  ${remark(entry)}\n`);
    }
    return status;
  },
};

/** Without the whole value, which `get` prints. */
function listed({ value: _value, wire: _wire, ...rest }: DecodedEntry): object {
  return rest;
}

function remark({ kind, hashes, stored, finding }: DecodedEntry): string {
  const separated = stored === 'inline' ? '' : ` in ${stored.file} at ${stored.offset}`;
  if (finding !== undefined) return styled('red', `${finding.kind}: ${finding.detail}`);
  const [name, hash] = Object.entries(hashes ?? {})[0] ?? [];
  const known = hash === undefined ? '' : ` ${name} ${toJson(hash).slice(1, 17)}…`;
  return `${kind}${known}${separated}`;
}
