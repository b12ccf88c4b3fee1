/** The files of a bundle: facts about a store, without the content of its entries. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join, relative } from 'node:path';
import { entriesBelow, levelMap } from '../adapter/level/index.js';
import type { LanestoreError, StoreView, WitnessSlot } from '../index.js';
import { decodeEntry } from './entries.js';
import { environmentOf } from './environment.js';
import { toJson } from './output.js';
import type { Protocol } from './protocols.js';
import type { Redactor } from './redact.js';
import { votesOf } from './votes.js';

/** A file of a bundle. */
export interface BundlePart {
  readonly name: string;
  readonly data: Uint8Array;
}

/** A file or directory of the store, as the file system shows it. */
export interface StoredFile {
  /** Relative to the store, `.` for the store itself. */
  readonly name: string;
  readonly type: 'file' | 'directory' | 'link' | 'other';
  readonly bytes: number;
  readonly allocatedBytes: number;
  readonly links: number;
  /** Octal. */
  readonly mode: string;
  readonly modified: string;
  readonly inode: number;
  readonly device: number;
}

/** The source of a bundle. */
export interface BundleSource<B, Q, A> {
  /** The real path of the store. */
  readonly location: string;
  /** The files of the store before it was read, because a view makes hard links to some of them. */
  readonly files: readonly StoredFile[];
  /** Absent if the store cannot be read; {@link error} is then the reason. */
  readonly view: StoreView<B, Q, A> | undefined;
  readonly error: LanestoreError | undefined;
  readonly protocol: Protocol<B, Q, A>;
  /** Absent if nothing is redacted. */
  readonly redactor: Redactor | undefined;
}

/** The files of every bundle, and their content. README.txt and docs/inspecting.md list them. */
export const BUNDLE_FILES: readonly (readonly [name: string, what: string])[] = [
  ['environment.json', 'versions, operating system, memory, and type, options and free space of the file system'],
  ['files.json', 'name, type, size, allocated bytes, links, mode and time of each file of the store'],
  ['findings.json', 'all findings and notes of a complete check, and the error with which a node is refused'],
  ['store.json', 'schema, tip with the ranges of all logs, witness, anchor, and what the store keeps of votes'],
  ['level-map.json', "LevelDB's live tables and logs, as the MANIFEST names them, with their first and last keys"],
  ['level/', 'CURRENT, MANIFEST, LOG and LOG.old as they are; of a file over 16 MiB its last 16 MiB'],
  ['witness', 'its bytes; redacted: zeros in place of the id of the store'],
  ['entries/', 'one JSON object a key: kind, size, place, SHA-256 of the record, hashes of the network, fault'],
];

/** Upper bound of the bytes that a bundle takes from a file of LevelDB. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Target size of a file of entries. The file is built in memory, because in a tar the size comes
 * before the content.
 */
const ENTRIES_BYTES = 4 * 1024 * 1024;

/** Offsets of the store ids in a witness (docs/format.md), and the length of an id. */
const [WITNESS_IDS, STORE_ID_BYTES] = [[8, 4104], 16];

/** A number of LevelDB has at most 20 digits; a name in a tar is bounded. */
const COPIED = /^(?:CURRENT|MANIFEST-\d{1,20}|LOG|LOG\.old)$/;

/**
 * Yields the files of a bundle in order. If a file cannot be made, a file with the suffix
 * `.error.txt` takes its place and gives the reason: the other files are still useful.
 */
export async function* bundleParts<B, Q, A>(source: BundleSource<B, Q, A>): AsyncGenerator<BundlePart, void, void> {
  const { location, files, view, redactor } = source;
  for (const { store } of view === undefined ? [] : [...ids(view)]) redactor?.addStore(store);
  const json = (value: unknown) => text(`${toJson(redactor === undefined ? value : redactor.value(value), 2)}\n`);
  yield { name: 'README.txt', data: text(readme(redactor !== undefined)) };
  const makers: Record<string, () => unknown> = {
    'environment.json': () => environmentOf(location),
    'files.json': () => files,
    'findings.json': () => findingsOf(source),
    ...(view === undefined ? {} : { 'store.json': () => storeOf(view, source) }),
    'level-map.json': () => levelMap(join(location, 'level')),
  };
  for (const [name, make] of Object.entries(makers)) yield await part(source, name, async () => json(await make()));
  for (const name of namesIn(join(location, 'level')).filter((file) => COPIED.test(file))) {
    const read = () => readEnd(join(location, 'level', name));
    yield await part(source, `level/${name}`, async () => (name.startsWith('LOG') ? redacted(source, read()) : read()));
  }
  yield await part(source, 'witness', async () => {
    const bytes = readEnd(join(location, 'witness'));
    if (redactor !== undefined) for (const at of WITNESS_IDS) bytes.fill(0, at, at + STORE_ID_BYTES);
    return bytes;
  });
  if (view !== undefined) yield* entryParts(view, source);
}

async function part(
  { redactor }: Pick<BundleSource<unknown, unknown, unknown>, 'redactor'>,
  name: string,
  make: () => Promise<Uint8Array>,
): Promise<BundlePart> {
  try {
    return { name, data: await make() };
  } catch (error) {
    return errorPart(redactor, name, error);
  }
}

function errorPart(redactor: Redactor | undefined, name: string, error: unknown): BundlePart {
  const { message } = error as Error;
  return { name: `${name}.error.txt`, data: text(`${redactor?.text(message) ?? message}\n`) };
}

/**
 * Yields the files with entries. If damage of LevelDB ends the scan, the last file gives the error.
 */
async function* entryParts<B, Q, A>(
  view: StoreView<B, Q, A>,
  { protocol, redactor }: BundleSource<B, Q, A>,
): AsyncGenerator<BundlePart, void, void> {
  let [lines, bytes, files] = [[] as string[], 0, 0];
  const filled = (): BundlePart => {
    const data = text(lines.join(''));
    [lines, bytes] = [[], 0];
    return { name: `entries/${String(++files).padStart(5, '0')}.jsonl`, data };
  };
  try {
    for await (const viewed of view.entries()) {
      const { value: _value, wire: _wire, ...entry } = decodeEntry(viewed, protocol);
      const sha256 = createHash('sha256').update(viewed.value).digest('hex');
      const line = `${toJson(redactor === undefined ? { ...entry, sha256 } : redactor.value({ ...entry, sha256 }))}\n`;
      lines.push(line);
      bytes += line.length;
      if (bytes >= ENTRIES_BYTES) yield filled();
    }
  } catch (error) {
    if (lines.length > 0) yield filled();
    yield errorPart(redactor, 'entries/rest', error);
    return;
  }
  if (lines.length > 0) yield filled();
}

/** The store ids in the schema, the tip and the witness. */
function ids({ schema, tip, witness }: StoreView<unknown, unknown, unknown>): readonly Pick<WitnessSlot, 'store'>[] {
  return [...(schema === undefined ? [] : [schema]), ...(tip === undefined ? [] : [tip]), ...witness.slots];
}

function findingsOf<B, Q, A>({ view, error, protocol }: BundleSource<B, Q, A>): object {
  const plainError = (failure: LanestoreError | undefined) =>
    failure === undefined ? null : { code: failure.code, message: failure.message };
  return {
    readBy: protocol.model.name === '' ? null : protocol.model.name,
    error: plainError(error),
    refusal: plainError(view?.refusal),
    findings: view?.findings ?? error?.findings ?? [],
    findingsTotal: view?.findingsTotal ?? error?.findings?.length ?? 0,
    notes: view?.notes ?? [],
  };
}

function storeOf<B, Q, A>(view: StoreView<B, Q, A>, { protocol, redactor }: BundleSource<B, Q, A>): object {
  const { schema, tip, witness, cursors, anchor, inner, records, bytes, tries } = view;
  const isRaw = protocol.model.name === '';
  return {
    schema: schema ?? null,
    seq: tip?.seq ?? null,
    store: tip?.store ?? null,
    commitQCs: cursors.commitQCs,
    lanes: cursors.lanes,
    witness,
    hasAnchor: anchor !== undefined,
    anchor: anchor === undefined || isRaw ? null : protocol.model.anchor.index(anchor),
    innerBytes: inner?.length ?? null,
    votes: votesIn(view, redactor !== undefined),
    ...{ records, bytes, tries },
  };
}

/**
 * The votes. If redacted, without keys, digests, names of sinks, and reasons that an operator
 * typed.
 */
function votesIn({ votes }: StoreView<unknown, unknown, unknown>, isRedacted: boolean): object | null {
  if (votes === undefined) return null;
  const found = votesOf(votes);
  if (!isRedacted) return found;
  const { signer, logs, laneFloors, quarantine, sinks } = found;
  return {
    isBound: signer !== null,
    logs: logs.map(({ log, at, floor }) => ({ log, at, floor })),
    laneFloors,
    quarantine: quarantine == null ? null : { parts: quarantine.parts, lost: quarantine.lost, seq: quarantine.seq },
    sinks: sinks == null ? null : { names: sinks.names.length, quorum: sinks.quorum },
  };
}

/** All files below a location. Links are not followed. @throws the system's error. */
export function filesOf(location: string): StoredFile[] {
  const paths = entriesBelow(location)
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
  return ['', ...paths].flatMap((path) => {
    const stat = lstatSync(path === '' ? location : path, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    const { size, blocks, nlink, mode, mtime, ino, dev } = stat;
    const type = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : 'other';
    return {
      ...{ name: path === '' ? '.' : relative(location, path), type, bytes: size, allocatedBytes: blocks * 512 },
      ...{
        links: nlink,
        mode: `0${(mode & 0o7777).toString(8)}`,
        modified: mtime.toISOString(),
        inode: ino,
        device: dev,
      },
    };
  });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    // Ignored: files.json shows that the path is absent or not a directory.
    return [];
  }
}

/** The last bytes of a regular file. @throws the system's error; Error for another type of file. */
function readEnd(path: string): Uint8Array {
  // O_NONBLOCK: opening a FIFO must not block. O_NOFOLLOW: a link could lead out of the store.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error('it is not a regular file');
    const data = Buffer.alloc(Math.min(stat.size, FILE_BYTES_MAX));
    const from = stat.size - data.length;
    let read = 0;
    while (read < data.length) {
      const count = readSync(descriptor, data, read, data.length - read, from + read);
      if (count === 0) break;
      read += count;
    }
    return data.subarray(0, read);
  } finally {
    closeSync(descriptor);
  }
}

function redacted(
  { redactor }: Pick<BundleSource<unknown, unknown, unknown>, 'redactor'>,
  data: Uint8Array,
): Uint8Array {
  return redactor === undefined ? data : text(redactor.text(Buffer.from(data).toString('utf8')));
}

function text(content: string): Uint8Array {
  return Buffer.from(content, 'utf8');
}

function readme(isRedacted: boolean): string {
  const kept = isRedacted
    ? [
        'Redacted: no block, no CommitQC, no state of the node, no key of a signer, no password, no name of a host or a',
        'user, no path, no id of a store (only a digest of it), no reason that an operator typed. Ids of lanes, which',
        'are public keys of validators, and names of files in the store are not redacted.',
      ]
    : [
        'Not redacted: the bundle contains paths, the key of the signer, and the id of the store, which an attacker',
        'must not know (docs/crash-safety.md). It has only hashes of entries.',
      ];
  return [
    'A bundle of a store, made by lanestore bundle for a bug report.',
    '',
    ...kept,
    '',
    ...BUNDLE_FILES.map(([name, what]) => `${name.padEnd(18)} ${what}`),
    '',
    'NAME.error.txt gives the reason if the file NAME could not be made.',
    '',
  ].join('\n');
}
