/** `lanestore get LOCATION KEY` */
import { autobahn, LanestoreError, openView } from '../index.js';
import { decodeEntry } from './entries.js';
import { EXIT, note, plain, print, styled, toJson, write } from './output.js';
import { fullKey } from './short-keys.js';
import { UsageError, type Verb } from './verb.js';

/** Of a record: two bytes before the body, five behind it (docs/format.md). */
const [HEAD_BYTES, TAIL_BYTES] = [2, 5];

/** The verb `get`. */
export const getVerb: Verb = {
  usage: 'LOCATION KEY',
  summary: 'prints what stands under a key: decoded, with the hashes it is known by',
  help: [
    'KEY: in full, or lane/2bd4/38, lane/2bd4…/38, qc/31, anchor, inner, meta/tip',
    '--json    decoded, as JSON: numbers of 64 bits are decimal strings, bytes are hex',
    '--raw     the record as it is stored (a separated value: as it would be stored inline)',
    '--cbor    its body, one CBOR item',
    '--proto   the entry in protobuf, as the original has it',
    'The last three write bytes. A damaged record is printed as far as it decodes, and ends with 1.',
  ],
  options: { raw: { type: 'boolean' }, cbor: { type: 'boolean' }, proto: { type: 'boolean' } },
  positionals: [2, 2],
  async run([location = '', typed = ''], { json, raw, cbor, proto }) {
    if ([json, raw, cbor, proto].filter((chosen) => chosen === true).length > 1)
      throw new UsageError('only one of --json, --raw, --cbor and --proto at a time');
    await using view = await openView(location, { model: autobahn });
    if (view.tip === undefined && view.refusal !== undefined) throw view.refusal;
    const key = fullKey(typed, view.cursors.lanes.keys());
    const viewed = await view.get(key);
    if (viewed === undefined)
      throw new LanestoreError('LANESTORE_INVALID', `there is no ${key} in ${location}; ls lists what there is`);
    const { wire, ...entry } = decodeEntry(viewed);
    if (raw === true) await write(viewed.value);
    else if (cbor === true) await write(viewed.value.subarray(HEAD_BYTES, -TAIL_BYTES));
    else if (proto === true) {
      if (wire === undefined) throw new LanestoreError('LANESTORE_INVALID', `${key} has no protobuf`);
      await write(wire);
    } else if (json === true) print(toJson(entry, 2));
    else showTree(plain(entry), '');
    if (viewed.finding === undefined) return EXIT.fine;
    note(`${key}: ${viewed.finding.kind}: ${viewed.finding.detail}`);
    return EXIT.findings;
  },
};

/** One field a line, nested ones further in. */
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
