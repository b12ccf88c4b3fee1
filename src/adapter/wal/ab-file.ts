/**
 * A pair of files that hold one value: `<prefix>_a.pb` and `<prefix>_b.pb`. A write overwrites the
 * file that does not hold the newest value, and syncs it. So a crash leaves the other file whole.
 * Both files exist from the beginning, so no write changes the directory. Same layout as
 * sei-chain's persist.go (docs/original.md, A/B files).
 *
 * Reading: the copy with the higher seq counts. If one file is not whole, its write was
 * interrupted, and the other file counts. A written pair without a usable copy is damaged, and so
 * is a pair whose files have the same seq.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { closeAll } from '../../base/close-stack.js';
import { checkFiles, diskFiles, type Files, type WritableFile } from '../../base/files.js';
import { readRegular } from '../../base/open-file.js';
import { boolean, fields, string } from '../../base/options.js';
import { type Finding, LanestoreError } from '../../errors.js';
import { type ABContent, type ABEncoding, checkEncoding, decodeAB, encodeAB, problemOf } from './ab-format.js';
import { corruptionError, messageOf, reading, systemCode, writeFailed } from './io.js';
import { PRIVATE_MODE } from './repair.js';

const SUFFIXES = ['_a.pb', '_b.pb'] as const;

/** Selects one of the two files. */
type Slot = 0 | 1;

/** Options of {@link ABFile.open}. */
export interface ABFileOptions {
  /**
   * Encoding of a new pair; a pair that holds a value keeps its encoding. Default `crc`, as in the
   * original since 78c53ddf1.
   */
  readonly encoding?: ABEncoding;
  /** Create the files at the first write instead of at open. Default false. */
  readonly lazy?: boolean;
  /** @internal */
  readonly files?: Files;
}

const checkABFileOptions = fields<ABFileOptions>({ encoding: checkEncoding, lazy: boolean, files: checkFiles });

/** The content of a pair, read without changing it. */
export interface ABScan {
  readonly directory: string;
  readonly prefix: string;
  /** The copy that counts; undefined if nothing was ever written. */
  readonly newest: (ABContent & { readonly slot: Slot }) | undefined;
  /** The seq of the other copy; undefined if that copy is not whole. */
  readonly older: bigint | undefined;
  /** Lengths of the two files, in bytes; undefined for an absent one. */
  readonly lengths: readonly [number | undefined, number | undefined];
  readonly notes: readonly string[];
  /** If there are any, no other field is reliable. */
  readonly findings: readonly Finding[];
}

/** The name of one of the two files. */
export function fileOf(prefix: string, slot: Slot): string {
  return prefix + SUFFIXES[slot];
}

/** Reads a pair. @throws LANESTORE_IO; damage is in `findings`. */
export async function scanAB(directory: string, prefix: string): Promise<ABScan> {
  const names = SUFFIXES.map((suffix) => prefix + suffix);
  const files = await Promise.all(names.map((name) => readIfThere(join(directory, name))));
  const contents = files.map((file) => (file === undefined || file.length === 0 ? undefined : decodeAB(file)));
  const whole = ([0, 1] as const).flatMap((slot) => {
    const content = contents[slot];
    return content === undefined || typeof content === 'string' ? [] : [{ ...content, slot }];
  });
  whole.sort((x, y) => (x.seq > y.seq ? -1 : 1));
  const [newest, older] = whole;
  const broken = contents.flatMap((content, i) =>
    typeof content === 'string' ? [`${names[i]} (${problemOf(files[i]!, content, newest?.encoding)})`] : [],
  );
  const findings: Finding[] = [];
  if (newest === undefined && broken.length > 0) {
    findings.push({ kind: 'ab-unusable', file: names[0]!, detail: `no whole copy is left: ${broken.join(', ')}` });
  }
  if (newest !== undefined && newest.seq === older?.seq) {
    const detail = `${names.join(' and ')} have the same seq, ${newest.seq}`;
    findings.push({ kind: 'ab-same-seq', file: names[0]!, detail });
  }
  const [a, b] = files.map((file) => file?.length);
  const notes = newest === undefined ? [] : broken.map((file) => `${file} is not whole; the other copy counts`);
  return { directory, prefix, newest, older: older?.seq, lengths: [a, b], notes, findings };
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readRegular(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new LanestoreError('LANESTORE_IO', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * A pair of files, open for writing. Takes one call at a time.
 *
 * After a failed write, the next one writes the same file with the same seq.
 */
export class ABFile {
  /** The value found at open, in memory of its own; undefined if nothing was ever written. */
  readonly loaded: Uint8Array | undefined;
  /** The encoding of this pair. */
  readonly encoding: ABEncoding;
  readonly #directory: string;
  readonly #prefix: string;
  readonly #files: Files;
  #open: readonly [WritableFile, WritableFile] | undefined;
  #seq: bigint;
  #next: Slot;
  readonly #lengths: [number, number];
  /**
   * For each slot: true if the open file has lost its name, or if the name of its successor may not
   * be durable. The file must then be replaced before the next write.
   */
  readonly #isLeft: [boolean, boolean] = [false, false];
  #closed = false;

  private constructor(scan: ABScan, encoding: ABEncoding, files: Files) {
    const { newest } = scan;
    this.#directory = scan.directory;
    this.#prefix = scan.prefix;
    this.#files = files;
    this.loaded = newest === undefined ? undefined : new Uint8Array(newest.data);
    this.encoding = newest?.encoding ?? encoding;
    this.#seq = newest?.seq ?? 0n;
    this.#next = newest?.slot === 0 ? 1 : 0;
    this.#lengths = [scan.lengths[0] ?? 0, scan.lengths[1] ?? 0];
  }

  /**
   * Opens the pair in `directory`, which must exist, and creates missing files with mode 0600.
   * @throws LANESTORE_NOT_A_STORE if there is no such directory; LANESTORE_CORRUPT if no copy is
   * usable or both have the same seq; LANESTORE_IO.
   */
  static async open(directory: string, prefix: string, options: ABFileOptions = {}): Promise<ABFile> {
    string(directory, 'ABFile.open: directory');
    string(prefix, 'ABFile.open: prefix');
    checkABFileOptions(options, 'ABFile.open: options');
    const there = await stat(directory).catch(() => undefined);
    if (there?.isDirectory() !== true) {
      throw new LanestoreError('LANESTORE_NOT_A_STORE', `invalid state dir: ${directory} is not a directory`, {
        remedy: 'make the directory first, or check the path',
      });
    }
    const scan = await scanAB(directory, prefix);
    if (scan.findings.length > 0) throw corruptionError(directory, scan);
    return ABFile.openScanned(scan, options);
  }

  /** @internal Opens a pair that was scanned without findings. */
  static async openScanned(scan: ABScan, options: ABFileOptions): Promise<ABFile> {
    const { encoding = 'crc', files = diskFiles, lazy = false } = options;
    const pair = new ABFile(scan, encoding, files);
    const exists = scan.lengths.some((length) => length !== undefined);
    if (exists || !lazy) {
      await reading(`open ${scan.prefix}_{a,b}.pb in ${scan.directory}`, () => pair.#openFiles());
    }
    return pair;
  }

  /** The seq of the newest value; 0 if nothing was ever written. */
  get seq(): bigint {
    return this.#seq;
  }

  /**
   * Stores `data`; durable when the promise resolves.
   * @throws LANESTORE_FAILED (the last value is still stored), LANESTORE_CLOSED.
   */
  async write(data: Uint8Array): Promise<void> {
    if (this.#closed) throw new LanestoreError('LANESTORE_CLOSED', `${this.#prefix} is closed`);
    const slot = this.#next;
    const content = encodeAB(this.encoding, this.#seq + 1n, data);
    try {
      await this.#write(slot, content);
    } catch (error) {
      throw writeFailed(`write ${this.#prefix}${SUFFIXES[slot]} in ${this.#directory}`, error);
    }
    this.#seq++;
    this.#next = slot === 0 ? 1 : 0;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const close = () => closeAll((this.#open ?? []).map((file) => () => file.close()));
    await reading(`close ${this.#prefix}_{a,b}.pb in ${this.#directory}`, close);
  }

  /**
   * A wrapper has no checksum: new bytes followed by old ones could parse as a whole file. So the
   * file is truncated first, as in the original. With a checksum, it is overwritten first and then
   * cut, so that the file system need not free and allocate blocks.
   */
  async #write(slot: Slot, content: Uint8Array): Promise<void> {
    const file = await this.#ownFile(slot);
    const longer = this.#lengths[slot] > content.length;
    this.#lengths[slot] = Number.POSITIVE_INFINITY;
    if (this.encoding === 'wrapper') await file.truncate(0);
    await file.write([content], 0);
    if (this.encoding === 'crc' && longer) await file.truncate(content.length);
    await file.sync();
    this.#lengths[slot] = content.length;
  }

  /**
   * The file of a slot, safe to overwrite. A file with a second hard link also belongs to a backup,
   * so a new file replaces it. The newest value is in the other slot, so a crash during the
   * replacement loses nothing.
   */
  async #ownFile(slot: Slot): Promise<WritableFile> {
    const pair = this.#open ?? (await this.#openFiles());
    if (!this.#isLeft[slot] && pair[slot].links() <= 1) return pair[slot];
    // The old file keeps only the backup's link now, so `links` no longer shows that it is shared.
    this.#isLeft[slot] = true;
    const path = join(this.#directory, this.#prefix + SUFFIXES[slot]);
    const file = await this.#files.open(path, PRIVATE_MODE, { empty: true });
    this.#open = slot === 0 ? [file, pair[1]] : [pair[0], file];
    await closeAll([() => pair[slot].close(), () => this.#files.syncDirectory(this.#directory)]);
    this.#isLeft[slot] = false;
    return file;
  }

  /**
   * Opens both files, and makes their names and contents durable. So later writes need no directory
   * sync. The content is synced because a process that was killed may have left it in the page
   * cache only.
   */
  async #openFiles(): Promise<readonly [WritableFile, WritableFile]> {
    const opened: WritableFile[] = [];
    try {
      for (const suffix of SUFFIXES) {
        const path = join(this.#directory, this.#prefix + suffix);
        const file = await this.#files.open(path, PRIVATE_MODE, { empty: false });
        opened.push(file);
        await file.sync();
      }
      await this.#files.syncDirectory(this.#directory);
    } catch (error) {
      await closeAll(opened.map((file) => () => file.close())).catch(() => undefined);
      throw error;
    }
    this.#open = [opened[0]!, opened[1]!];
    return this.#open;
  }
}
