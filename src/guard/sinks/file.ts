/**
 * A sink in a directory, on another disk or on another host's file system. That file system must be
 * coherent, so it cannot be NFS: NFS clients cache names.
 *
 *   <path>/<key>/epoch-<n>   one for each claim, created exclusively: the highest n is the epoch
 *   <path>/<key>/last-<n>    the newest history that claim n has put, replaced by rename
 *
 * A claim creates its file, then reads the histories. A put replaces the history of its own claim,
 * then checks for a later claim. If a later claim did not read that history, the put finds the
 * claim, and is fenced. The first put of a claim removes the files of earlier claims.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { formatHistory, type SigningHistory } from '../../adapter/index.js';
import { isSinkName } from '../../adapter/witness-set.js';
import { hex } from '../../base/bytes.js';
import { makeDirectory, syncNames } from '../../base/directories.js';
import { checkFiles, diskFiles, type Files } from '../../base/files.js';
import { Mutex } from '../../base/mutex.js';
import { readRegular } from '../../base/open-file.js';
import { type Check, fields, mismatch, outOfRange, string } from '../../base/options.js';
import { maxU64 } from '../../keys/index.js';
import { checkPut, fencedError, NO_RECORD, type WitnessKey, type WitnessRecord, type WitnessSink } from '../witness.js';
import { isHolder, sinkHistory } from '../witness-text.js';

/** Options of {@link fileWitness}. */
export interface FileWitnessOptions {
  /** The sink's name. Default: `file:` and the path. Keep the name if the path changes. */
  readonly name?: string;
  /** File operations, which tests replace to inject faults. */
  readonly files?: Files;
}

/** Checks the option `name` of a sink. */
export const checkSinkName: Check<string> = (value, name) => {
  string(value, name);
  if (!isSinkName(value)) throw outOfRange(name, '1 to 256 visible ASCII characters', value);
  return value as string;
};

const checkOptions = fields<FileWitnessOptions>({ name: checkSinkName, files: checkFiles });

const FILE_MODE = 0o600;
const DIGITS = 20;
const NAME = /^(epoch|last)-(\d{20})$/;
/** Upper bound of claims by other processes before this claim succeeds. */
const RACES_MAX = 1000;

/** A sink in the directory `path`. The first claim creates the directory. */
export function fileWitness(path: string, options: FileWitnessOptions = {}): WitnessSink {
  if (typeof path !== 'string' || path === '') throw mismatch('fileWitness: path', 'a path', path);
  checkOptions(options, 'fileWitness: options');
  const { name = `file:${encodeURI(path)}`, files = diskFiles } = options;
  checkSinkName(name, 'fileWitness: options.name');
  return new FileWitness(name, resolve(path), files);
}

class FileWitness implements WitnessSink {
  readonly name: string;
  readonly #root: string;
  readonly #files: Files;
  /** Serializes the puts and claims of this process, by key: two puts would write the same file. */
  readonly #turns = new Map<string, Mutex>();

  constructor(name: string, root: string, files: Files) {
    this.name = name;
    this.#root = root;
    this.#files = files;
  }

  async read(key: WitnessKey): Promise<WitnessRecord> {
    return recordIn(this.#placeOf(key), key);
  }

  claim(key: WitnessKey, holder: string, signal: AbortSignal): Promise<WitnessRecord> {
    const place = this.#placeOf(key);
    return this.#inTurn(place, signal, async () => {
      await makeDirectory(place, this.#files);
      await syncNames(place, (directory) => this.#files.syncDirectory(directory));
      for (let tries = 0; tries < RACES_MAX; tries++) {
        const { epoch } = await namesIn(place);
        if (!(await this.#created(join(place, fileName('epoch', epoch + 1n)), holder))) continue;
        await this.#files.syncDirectory(place);
        // Read after the claim is on disk, so that a put that this read misses is fenced.
        const record = await recordIn(place, key);
        if (record.epoch !== epoch + 1n) throw fencedError(`claim ${record.epoch} follows claim ${epoch + 1n}`);
        return record;
      }
      throw new Error(`other processes keep claiming the key in ${place}`);
    });
  }

  put(
    { epoch, holder }: { epoch: bigint; holder: string },
    history: SigningHistory,
    signal: AbortSignal,
  ): Promise<void> {
    const place = this.#placeOf(history);
    return this.#inTurn(place, signal, async () => {
      if (!checkPut(await recordIn(place, history), { epoch, holder }, history)) return;
      const path = join(place, fileName('last', epoch));
      const file = await this.#files.open(`${path}.part`, FILE_MODE, { empty: true });
      try {
        await file.write([Buffer.from(formatHistory(history))], 0);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#files.rename(`${path}.part`, path);
      await this.#files.syncDirectory(place);
      const now = await namesIn(place);
      if (now.epoch !== epoch) throw fencedError(`claim ${now.epoch} follows claim ${epoch}`);
      await this.#removeBefore(place, now.names, epoch);
    });
  }

  /** Creates the file of a claim; false if another claim has created it. */
  async #created(path: string, holder: string): Promise<boolean> {
    try {
      const file = await this.#files.open(path, FILE_MODE, { empty: true, exclusive: true });
      try {
        await file.write([Buffer.from(holder)], 0);
        await file.sync();
      } finally {
        await file.close();
      }
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** Removes the files of superseded claims. Failures are ignored: remaining files do no harm. */
  async #removeBefore(place: string, names: readonly string[], epoch: bigint): Promise<void> {
    for (const name of names) {
      const [, , digits] = NAME.exec(name.replace(/\.part$/, '')) ?? [];
      if (digits === undefined || BigInt(digits) >= epoch) continue;
      await this.#files.remove(join(place, name)).catch(() => undefined);
    }
  }

  #placeOf({ network, signer }: WitnessKey): string {
    const id = createHash('sha256')
      .update(`${network}\0${hex(signer)}`)
      .digest('hex');
    return join(this.#root, id.slice(0, 32));
  }

  #inTurn<T>(place: string, signal: AbortSignal, step: () => Promise<T>): Promise<T> {
    const turns = this.#turns.get(place) ?? new Mutex();
    this.#turns.set(place, turns);
    return turns.run(() => {
      signal.throwIfAborted();
      return step();
    });
  }
}

function fileName(kind: 'epoch' | 'last', epoch: bigint): string {
  return `${kind}-${`${epoch}`.padStart(DIGITS, '0')}`;
}

/** The names in a directory, and the highest claim and history there; 0 for none. */
async function namesIn(place: string): Promise<{ names: readonly string[]; epoch: bigint; last: bigint }> {
  const names = await readdir(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const highest = { epoch: 0n, last: 0n };
  for (const name of names) {
    const [, kind, digits] = NAME.exec(name) ?? [];
    if (digits === undefined) continue;
    const found = BigInt(digits);
    if (found > highest[kind as 'epoch' | 'last']) highest[kind as 'epoch' | 'last'] = found;
  }
  return { names, ...highest };
}

async function recordIn(place: string, key: WitnessKey): Promise<WitnessRecord> {
  for (;;) {
    const { epoch, last } = await namesIn(place);
    if (epoch === 0n && last === 0n) return NO_RECORD;
    const [holder, text] = await Promise.all([
      epoch === 0n ? '' : textIn(join(place, fileName('epoch', epoch))),
      last === 0n ? undefined : textIn(join(place, fileName('last', last))),
    ]).catch((error: NodeJS.ErrnoException) => {
      // A later claim has removed the file, so list the names again.
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    if (holder === undefined) continue;
    // A claim whose file is incomplete still raises the epoch; its holder is unknown.
    const claim = { epoch: maxU64(epoch, last), holder: isHolder(holder) && epoch >= last ? holder : '' };
    return { ...claim, last: text === undefined ? undefined : { epoch: last, history: sinkHistory(text, key) } };
  }
}

async function textIn(path: string): Promise<string> {
  return (await readRegular(path)).toString();
}
