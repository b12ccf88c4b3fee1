/** Files of signing histories, for `votes` and `handover`. */
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { formatHistory, parseHistory } from '../adapter/index.js';
import { LanestoreError } from '../errors.js';
import type { SigningHistory } from '../index.js';
import { UsageError } from './command-error.js';
import { print } from './output.js';
import { readText } from './text-file.js';
import type { OptionValues } from './verb.js';

const NETWORK = /^[\x21-\x7e]{1,128}$/;

/** The option `--network`. @throws UsageError. */
export function networkOf({ network }: OptionValues): string {
  if (typeof network === 'string' && NETWORK.test(network)) return network;
  throw new UsageError('--network NAME is missing: one name, without spaces, in all files of a network');
}

/** @throws LANESTORE_IO if it cannot be read; LANESTORE_INVALID if it is not a signing history. */
export async function readHistory(file: string): Promise<SigningHistory> {
  return parseHistory(await readText(file));
}

/** @throws UsageError if the file exists: it may be the only copy of a history. */
export function checkFree(file: string): void {
  if (existsSync(file)) throw new UsageError(`${file} exists: name a new file`);
}

/** Writes a new file. The file appears only as a whole, and is durable when this resolves. */
export async function writeHistory(file: string, history: SigningHistory): Promise<void> {
  const part = `${file}.part`;
  try {
    await rm(part, { force: true });
    const handle = await open(part, 'wx', 0o600);
    try {
      await handle.writeFile(formatHistory(history));
      await handle.sync();
    } finally {
      await handle.close();
    }
    checkFree(file);
    await rename(part, file);
    if (process.platform === 'win32') return;
    const directory = await open(dirname(resolve(file)), 'r');
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const message = `${file} cannot be written: ${(error as Error).message}`;
    throw new LanestoreError('LANESTORE_IO', message, { cause: error });
  }
}

/** Prints the content of a history. */
export function showHistory(history: SigningHistory): void {
  const { kind, model, network, signer, store, seq, time, to, logs, lanes, own, quarantine, inner, sinks } = history;
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const line = (name: string, text: string) => print(`  ${name.padEnd(10)} ${text}`);
  print(`signing history, ${kind}, of ${time}`);
  line('network', `${network}, ${model}`);
  line('signer', hex(signer));
  line('store', `${hex(store)}, batch ${seq}`);
  if (to !== undefined) line('for', `${hex(to.store)}@${to.seq}`);
  for (const [log, { watermark, floor }] of logs) {
    const last = watermark === undefined ? 'no vote known' : `last vote at ${watermark.at.join(', ')}`;
    line(log, `${last}${floor === undefined ? '' : `, none at or below ${floor.join(', ')}`}`);
  }
  line('lanes', `${lanes.size}`);
  if (own !== undefined) line('own lane', `${own.lane}, up to block ${own.last}`);
  if (quarantine !== undefined) line('closed', `${quarantine.parts.join(', ')}: ${quarantine.why}`);
  if (sinks !== undefined)
    line(
      'sinks',
      `${sinks.quorum} of ${sinks.names.join(', ')}${sinks.mode === undefined ? '' : `; ${sinks.mode} each release`}`,
    );
  line('inner', inner === undefined ? 'none' : `${inner.length} bytes`);
}
