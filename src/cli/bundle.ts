/** `lanestore bundle LOCATION [FILE]` */

import { rmSync } from 'node:fs';
import { open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { openView } from '../adapter/level/index.js';
import { isLanestoreError, LanestoreError } from '../errors.js';
import type { StoreView } from '../index.js';
import { type BundlePart, bundleParts, filesOf } from './bundle-parts.js';
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { formatBytes, linesAreProgress, print, toJson, write } from './output.js';
import { type Protocol, RAW, withProtocol } from './protocols.js';
import { Redactor } from './redact.js';
import { onSignal } from './signals.js';
import { TAR_END, tarMember } from './tar.js';
import type { Run } from './verb.js';

/** A store has at least one of these names in its directory. */
const OWN_NAMES = ['level', 'witness', 'values'];
/** The directory in the archive. */
const ROOT = 'lanestore-bundle';
/** The value of FILE that stands for standard output. */
const STDOUT = '-';

/** The output of `bundle --json`. */
interface BundleReport {
  readonly location: string;
  /** Null for standard output. */
  readonly file: string | null;
  readonly isRedacted: boolean;
  readonly bytes: number;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly findingsTotal: number;
}

/** Runs `bundle`. */
export const run: Run = async ([path = '', target], { json, 'no-redact': raw }) => {
  if (target === STDOUT && json === true) throw new UsageError('--json and - both write to standard output');
  const location = await storeIn(path);
  const file = target === STDOUT ? undefined : await fileFor(target ?? defaultName(), location);
  if (file === undefined) linesAreProgress();
  const redactor = raw === true ? undefined : new Redactor([location, resolve(path)]);
  const files = filesOf(location);
  const { report, error } = await withView(location, async (protocol, view, error) => {
    const parts = bundleParts({ location, files, view, error, protocol, redactor });
    const written = await writeTar(file, parts);
    const findingsTotal = view?.findingsTotal ?? error?.findings?.length ?? 0;
    const isRedacted = redactor !== undefined;
    return { report: { location, file: file ?? null, isRedacted, ...written, findingsTotal }, error };
  });
  if (json === true) print(toJson(report, 2));
  else show(report);
  if (error !== undefined) throw error;
  return report.findingsTotal > 0 ? EXIT.damaged : EXIT.ok;
};

type Use<T> = <B, Q, A>(
  protocol: Protocol<B, Q, A>,
  view: StoreView<B, Q, A> | undefined,
  error: LanestoreError | undefined,
) => Promise<T>;

/**
 * Calls `use` with a view of the store or, if the store cannot be read, with the error.
 * @throws LANESTORE_NOT_A_STORE; what `use` throws.
 */
async function withView<T>(location: string, use: Use<T>): Promise<T> {
  const options = { isProbed: true, tableCheckBytesMax: Number.MAX_SAFE_INTEGER };
  let failure: LanestoreError;
  try {
    const withIt = async <B, Q, A>(protocol: Protocol<B, Q, A>) => {
      await using view = await openView(location, { ...options, model: protocol.model });
      return await use(protocol, view, undefined);
    };
    return await withProtocol(location, withIt, { raw: true });
  } catch (error) {
    if (!isLanestoreError(error) || error.code === 'LANESTORE_NOT_A_STORE') throw error;
    failure = error;
  }
  return use(RAW, undefined, failure);
}

/**
 * The real path of a directory with files of a store.
 * @throws LANESTORE_NOT_A_STORE; the system's error.
 */
async function storeIn(path: string): Promise<string> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (found?.isDirectory() !== true)
    throw new LanestoreError(
      'LANESTORE_NOT_A_STORE',
      `${path} ${found === undefined ? 'does not exist' : 'is no directory'}`,
    );
  const names = await readdir(path);
  if (!OWN_NAMES.some((name) => names.includes(name)))
    throw new LanestoreError('LANESTORE_NOT_A_STORE', `${path} is no store: it has none of ${OWN_NAMES.join(', ')}`);
  return realpath(path);
}

/** The path of the tar. @throws UsageError if the path is in the store, or exists. */
async function fileFor(name: string, location: string): Promise<string> {
  const file = join(await realpath(dirname(resolve(name))), basename(name));
  if (`${file}/`.startsWith(`${location}/`)) throw new UsageError(`${file} is in the store: name a file elsewhere`);
  if ((await stat(file).catch(() => undefined)) !== undefined) throw new UsageError(`${file} exists: name a new file`);
  return file;
}

function defaultName(): string {
  return `lanestore-bundle-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}.tar`;
}

/**
 * Writes the archive. A file is durable when this resolves, and gets its name when it is complete.
 */
async function writeTar(
  file: string | undefined,
  parts: AsyncIterable<BundlePart>,
): Promise<Pick<BundleReport, 'bytes' | 'files'>> {
  if (file === undefined) return writeMembers(parts, write);
  const unfinished = `${file}.part-${process.pid}`;
  const forget = onSignal(() => rmSync(unfinished, { force: true }));
  try {
    const handle = await open(unfinished, 'wx', 0o600);
    try {
      const written = await writeMembers(parts, (data) => handle.appendFile(data));
      await handle.sync();
      await rename(unfinished, file);
      return written;
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    forget();
  }
}

async function writeMembers(
  parts: AsyncIterable<BundlePart>,
  append: (data: Uint8Array) => Promise<void>,
): Promise<Pick<BundleReport, 'bytes' | 'files'>> {
  const files: { name: string; bytes: number }[] = [];
  const now = Date.now();
  let bytes = TAR_END.length;
  for await (const { name, data } of parts) {
    const member = tarMember(`${ROOT}/${name}`, data, now);
    await append(member);
    bytes += member.length;
    files.push({ name, bytes: data.length });
  }
  await append(TAR_END);
  return { bytes, files };
}

function show({ file, files, bytes, isRedacted, findingsTotal }: BundleReport): void {
  print(`${file ?? 'standard output'}: ${files.length} files, ${formatBytes(bytes)}`);
  for (const { name, bytes: size } of files) print(`  ${name.padEnd(28)} ${formatBytes(size)}`);
  print(
    isRedacted ? 'redacted: README.txt says what is not in it' : 'not redacted: share it only with people you trust',
  );
  if (findingsTotal > 0) print(`${findingsTotal} findings: findings.json`);
}
