/** `lanestore verify LOCATION` */
import { autobahn, entryChecks, verify } from '../index.js';
import { readCommittees } from '../migrations/index.js';
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { findingLines } from './findings.js';
import { formatBytes, note, print, styled, toJson } from './output.js';
import type { Verb } from './verb.js';

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
    '--all   print every finding; default: three of a kind, and the number of the others',
    'Prints "OK" and ends with 0, or prints the findings and ends with 1 (lanestore help lists all exit codes).',
  ],
  options: { signatures: { type: 'boolean' }, committee: { type: 'string' }, all: { type: 'boolean' } },
  positionals: [1, 1],
  reads: 'store',
  async run([location = ''], { json, signatures, committee, all }) {
    if ((signatures === true) !== (committee !== undefined))
      throw new UsageError('--signatures and --committee FILE go together');
    const checks = entryChecks(typeof committee === 'string' ? await readCommittees(committee) : undefined);
    const { refusal, ...report } = await verify(location, { model: autobahn, checks });
    const { code, message, remedy } = refusal ?? {};
    const refused = refusal === undefined ? null : { code, message, remedy };
    if (json === true) print(toJson({ ...report, refusal: refused }, 2));
    else {
      for (const text of report.notes) note(`note: ${text}`);
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
