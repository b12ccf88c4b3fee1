/** `lanestore verify LOCATION` */
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { findingLines } from './findings.js';
import { verifyAt } from './locations.js';
import { formatBytes, note, print, styled, toJson } from './output.js';
import { isNewerState, RAW, rawNote, withProtocol } from './protocols.js';
import type { Run } from './verb.js';

/** Runs `verify`. */
export const run: Run = async ([location = ''], { json, signatures, committee, all }) => {
  if ((signatures === true) !== (committee !== undefined))
    throw new UsageError('--signatures and --committee FILE go together');
  const file = typeof committee === 'string' ? committee : undefined;
  if (await isNewerState(location)) {
    const { verifyNewerState } = await import('./verify-state.js');
    return verifyNewerState(location, file, json === true, all === true);
  }
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
};
