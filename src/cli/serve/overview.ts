/** The data of a location's first page. It does not read every record of a store. */
import { openView } from '../../adapter/level/index.js';
import { ERROR_CODES, FINDING_KINDS } from '../../errors.js';
import type { Extent, Finding, LanestoreError, LanestoreErrorCode } from '../../index.js';
import { detectLayout } from '../../migrations/index.js';
import { freeBytes, type Inspection, inspectOriginal } from '../inspect.js';
import { type Protocol, withProtocol } from '../protocols.js';
import { votesOf } from '../votes.js';

/** Upper bound of findings, notes, lanes and files that are sent each; all are counted. */
const FINDINGS_MAX = 200;
const NOTES_MAX = 100;
const LANES_MAX = 20_000;
const FILES_MAX = 2000;

/** A finding with its meaning, and the error code of its procedure in the runbook. */
export interface ShownFinding extends Finding {
  readonly code: LanestoreErrorCode;
  readonly means: string;
}

/** The range of a log; `bytes` is absent until the sizes are read. */
export interface LogRange {
  readonly first: bigint;
  readonly next: bigint;
  /** Keys may remain in [swept, first) until they are swept. */
  readonly swept: bigint;
  readonly bytes?: number;
}

/** The data of the first page. */
export interface Overview
  extends Omit<Inspection, 'commitQCs' | 'lanes' | 'findings' | 'evidence' | 'files' | 'freeBytes'> {
  readonly commitQCs: LogRange;
  readonly lanes: readonly ({ readonly lane: string } & LogRange)[];
  readonly lanesTotal: number;
  readonly files: Inspection['files'];
  readonly filesTotal: number;
  readonly freeBytes: number | null;
  readonly findings: readonly ShownFinding[];
  /** The error that opening the store would throw; null if none was found. */
  readonly refusal: { readonly code: string; readonly message: string; readonly remedy: string } | null;
  /** True if every record was read; false if only files, the tip and single records were read. */
  readonly isComplete: boolean;
  /** Milliseconds since the epoch. */
  readonly readAt: number;
}

/** Reads the overview of the location. @throws as `detectLayout`, `openView` and `openState`. */
export async function overviewOf(path: string): Promise<Overview> {
  const { layout, evidence } = await detectLayout(path);
  return withProtocol(path, (protocol) =>
    layout === 'level' ? levelOverview(path, evidence, protocol) : originalOverview(path, protocol),
  );
}

async function levelOverview<B, Q, A>(
  path: string,
  evidence: readonly string[],
  { model }: Protocol<B, Q, A>,
): Promise<Overview> {
  await using view = await openView(path, { model, examine: false, values: false, tableCheckBytesMax: 0 });
  const { schema, tip, cursors, refusal } = view;
  return shown({
    location: view.location,
    layout: 'level',
    evidence,
    ...(schema === undefined
      ? {}
      : { format: schema.format, model: schema.model, createdAt: schema.createdAt, store: schema.store }),
    ...(tip === undefined ? {} : { seq: tip.seq }),
    witness: view.witness.verdict,
    isDecoded: true,
    anchor: view.anchor === undefined ? null : model.anchor.index(view.anchor),
    innerBytes: view.inner?.length ?? null,
    ...(view.votes === undefined ? {} : { votes: votesOf(view.votes) }),
    commitQCs: rangeOf(cursors.commitQCs),
    lanes: [...cursors.lanes].map(([lane, extent]) => ({ lane, ...rangeOf(extent) })),
    files: view.files,
    notes: view.notes,
    findings: view.findings,
    findingsTotal: view.findingsTotal,
    refusal,
    isComplete: false,
  });
}

function rangeOf({ first, next, swept }: Extent): LogRange {
  return { first, next, swept };
}

async function originalOverview<B, Q, A>(path: string, protocol: Protocol<B, Q, A>): Promise<Overview> {
  const found = await inspectOriginal(path, protocol);
  const range = ({ first, next, bytes }: Inspection['commitQCs']) => ({ first, next, swept: first, bytes });
  return shown({
    ...found,
    commitQCs: range(found.commitQCs),
    lanes: found.lanes.map(({ lane, ...log }) => ({ lane, ...range(log) })),
    refusal: undefined,
    isComplete: true,
  });
}

type Found = Omit<Overview, 'lanesTotal' | 'filesTotal' | 'findings' | 'bytes' | 'freeBytes' | 'readAt' | 'refusal'> & {
  readonly evidence: readonly string[];
  readonly findings: readonly Finding[];
  readonly refusal: LanestoreError | undefined;
};

function shown({ evidence: _evidence, ...found }: Found): Overview {
  const { lanes, files, notes, findings, refusal } = found;
  return {
    ...found,
    lanes: lanes.slice(0, LANES_MAX),
    lanesTotal: lanes.length,
    files: files.slice(0, FILES_MAX),
    filesTotal: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    freeBytes: freeBytes(found.location),
    notes: notes.slice(0, NOTES_MAX),
    findings: shownFindings(findings),
    refusal: refusal === undefined ? null : refusalOf(refusal),
    readAt: Date.now(),
  };
}

/** The findings that are sent, with their meaning. */
export function shownFindings(findings: readonly Finding[]): ShownFinding[] {
  return findings.slice(0, FINDINGS_MAX).map((finding) => ({ ...finding, ...FINDING_KINDS[finding.kind] }));
}

/** Code, message and remedy of an error. */
export function refusalOf({ code, message, remedy }: LanestoreError) {
  return { code, message, remedy: remedy ?? ERROR_CODES[code].remedy };
}
