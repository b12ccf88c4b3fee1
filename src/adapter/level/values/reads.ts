/**
 * Reads separated values one at a time: from a stored value to its version-1 record. The running
 * store, the collector and views use this module. Recovery reads all values file by file
 * (bulk-read.ts), with the same checks.
 */
import { close, constants } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openRegular, readFully } from '../../../base/open-file.js';
import { type Finding, LanestoreError } from '../../../errors.js';
import { decodeReference, isReference, type ValueRef } from '../format/value-ref.js';
import { findingFile, valueFileName } from './names.js';

const closeFile = promisify(close);

/** Why a separated value cannot be read. */
export type ValueFault = Pick<Finding, 'kind' | 'detail'>;

/**
 * A version-1 record whose crc has not been checked, or the reason why it cannot be read.
 * `reference` is set if the value is separated.
 */
export type Resolved = {
  readonly reference?: ValueRef;
} & ({ readonly record: Uint8Array } | { readonly fault: ValueFault });

/** Reads separated values, one at a time. It keeps the last value file open. */
export class ValueReads implements AsyncDisposable {
  readonly #dir: string | undefined;
  readonly #ended: () => void;
  #open: { readonly number: bigint; readonly fd: number } | undefined;
  /**
   * The read in progress. Its descriptor must stay open until it ends: a closed descriptor may be
   * reused for another file.
   */
  #reading: Promise<Resolved> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Reads the value files in `dir`; `dir` is undefined for a store that cannot have value files.
   * `ended` is called once, at {@link close}.
   */
  constructor(dir: string | undefined, ended: () => void = () => undefined) {
    this.#dir = dir;
    this.#ended = ended;
  }

  /**
   * The version-1 record of `key`: `value` itself, or the record that `value` refers to. A
   * separated record has the length of its reference and ends with the crc of its reference. The
   * caller verifies the crc when it decodes the record. Rejects with the system's error if a file
   * cannot be read, with LANESTORE_CLOSED after {@link close}.
   */
  async resolve(key: string, value: Uint8Array): Promise<Resolved> {
    if (!isReference(value)) return { record: value };
    const reference = decodeReference(key, value);
    if ('kind' in reference) return { fault: reference };
    return this.read(reference);
  }

  /** The record that a reference names. @throws LANESTORE_CLOSED after {@link close}. */
  async read(reference: ValueRef): Promise<Resolved> {
    if (this.#closing !== undefined) throw new LanestoreError('LANESTORE_CLOSED', 'the store was closed');
    this.#reading = this.#read(reference);
    try {
      return await this.#reading;
    } finally {
      this.#reading = undefined;
    }
  }

  /** Resolves after the read in progress. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read(reference: ValueRef): Promise<Resolved> {
    const { file, offset, length } = reference;
    const fd = await this.#fileOf(file);
    if (fd === undefined) return { reference, fault: missingFile(this.#dir) };
    const bytes = Buffer.allocUnsafeSlow(length);
    const filled = await readFully(fd, bytes, offset);
    return { reference, ...recordAt(reference, bytes.subarray(0, filled)) };
  }

  async #end(): Promise<void> {
    try {
      await this.#reading?.catch(() => undefined);
      await this.#closeFile();
    } finally {
      this.#ended();
    }
  }

  async #fileOf(number: bigint): Promise<number | undefined> {
    if (this.#open?.number === number) return this.#open.fd;
    if (this.#dir === undefined) return undefined;
    await this.#closeFile();
    const fd = await openValueFile(this.#dir, number);
    if (fd !== undefined) this.#open = { number, fd };
    return fd;
  }

  async #closeFile(): Promise<void> {
    const opened = this.#open;
    this.#open = undefined;
    if (opened !== undefined) await closeFile(opened.fd);
  }
}

/** Opens a value file for reading; undefined if it does not exist. */
export async function openValueFile(dir: string, number: bigint): Promise<number | undefined> {
  try {
    return await openRegular(join(dir, valueFileName(number)), constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The record at the place of a reference; `bytes` are the bytes read there, fewer if the file is
 * shorter.
 */
export function recordAt(
  { length, crc }: ValueRef,
  bytes: Uint8Array,
): { readonly record: Uint8Array } | { readonly fault: ValueFault } {
  if (bytes.length < length) {
    return {
      fault: { kind: 'value-short', detail: `the file ends ${length - bytes.length} bytes before the record does` },
    };
  }
  const at = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (length < 4 || at.getUint32(length - 4) !== crc) {
    return { fault: { kind: 'value-other', detail: 'the bytes there are not the record that the reference names' } };
  }
  return { record: bytes };
}

/** The fault for a value file that does not exist. */
export function missingFile(dir: string | undefined): ValueFault {
  const why = dir === undefined ? 'a store in a caller’s database has no value files' : 'the value file is missing';
  return { kind: 'value-missing', detail: why };
}

/** The place that a reference names, as fields of a finding. */
export function placeOf(reference: ValueRef | undefined): Pick<Finding, 'file' | 'offset'> {
  return reference === undefined ? {} : { file: findingFile(reference.file), offset: reference.offset };
}
