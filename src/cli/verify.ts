/** `lanestore verify LOCATION` */
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { findingLines } from './findings.js';
import { verifyAt } from './locations.js';
import { formatBytes, note, print, styled, toJson } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { isNewerState, RAW, rawNote, withProtocol } from './protocols.js';
import type { Verb } from './verb.js';
import { verifyNewerState } from './verify-state.js';

/** The verb `verify`. */
export const verifyVerb: Verb = {
  usage: 'LOCATION',
  summary: 'checks everything in a store that can be checked offline',
  help: [
    "Checks the checksums in LevelDB's files, every record and value, the witness, payload hashes and parent hashes.",
    'The store is read from a private copy: a node may be running on it.',
    '--signatures --committee FILE   also check quorums and signatures. FILE lists the public keys (a manifest does),',
    '                                or several committees, each with the road index from which it is valid',
    '                                (docs/inspecting.md)',
    'A state directory of sei-73f917bbd is checked too, with the rows of the data layer; FILE then lists epochs.',
    '--all   print every finding; default: three of a kind, and the number of the others',
    'Prints "OK" and ends with 0, or prints the findings and ends with 1 (lanestore help lists all exit codes).',
    MODEL_HELP,
  ],
  options: {
    ...MODEL_OPTION,
    signatures: { type: 'boolean' },
    committee: { type: 'string' },
    all: { type: 'boolean' },
  },
  positionals: [1, 1],
  reads: 'store',
  takesPostgres: true,
  async run([location = ''], { json, signatures, committee, all }) {
    if ((signatures === true) !== (committee !== undefined))
      throw new UsageError('--signatures and --committee FILE go together');
    const file = typeof committee === 'string' ? committee : undefined;
    if (await isNewerState(location)) return verifyNewerState(location, file, json === true, all === true);
    let isRaw = false;
    const { refusal, ...report } = await withProtocol(
      location,
      async ({ model, checks }) => {
        isRaw = model === RAW.model;
        return verifyAt(location, { model, checks: await checks(file) });
      },
      { raw: true },
    );
    const notes = isRaw ? [...report.notes, rawNote(undefined)] : report.notes;
    const { code, message, remedy } = refusal ?? {};
    const refused = refusal === undefined ? null : { code, message, remedy };
    if (json === true) print(toJson({ ...report, isDecoded: !isRaw, notes, refusal: refused }, 2));
    else {
      for (const text of notes) note(`note: ${text}`);
      for (const line of findingLines(report.findings, all === true)) print(line);
      const read = `${report.records} records, ${formatBytes(report.bytes)}, ${report.checked} entries checked`;
      print(
        report.findingsTotal === 0 ? `${styled('green', 'OK')}: ${read}` : `${report.findingsTotal} findings; ${read}`,
      );
      if (refused !== null) {
        print(`a node would refuse the store: ${refused.code}`);
        note(`what to do: ${refused.remedy}`);
      }
    }
    return report.findingsTotal === 0 && refused === null ? EXIT.ok : EXIT.damaged;
  },
};
