/** Committees from files, for whoever checks signatures. */
import { readFile } from 'node:fs/promises';
import { reading } from '../adapter/wal/io.js';
import { LanestoreError } from '../errors.js';
import { isLaneId, laneBytes } from '../keys/index.js';
import { Committee } from '../model/autobahn/committee.js';

/**
 * Reads a committee from a file: JSON, a list of public keys in hex or a map with one under `committee` (such as a manifest), or plain
 * text with one key a line.
 * @throws LANESTORE_IO if it cannot be read; LANESTORE_INVALID naming the file if it holds no committee.
 */
export async function readCommittee(file: string): Promise<Committee> {
  const text = await reading(`read the committee file ${file}`, () => readFile(file, 'utf8'));
  const invalid = (detail: string) =>
    new LanestoreError(
      'LANESTORE_INVALID',
      `the committee file ${file} ${detail}; it must list the validators' public keys, 64 hex digits each`,
    );
  const keys = keysIn(text);
  if (keys === undefined) throw invalid('holds no list');
  const wrong = keys.find((key) => typeof key !== 'string' || !isLaneId(key.toLowerCase()));
  if (wrong !== undefined) throw invalid(`has an entry that is no key: ${JSON.stringify(wrong).slice(0, 80)}`);
  try {
    return new Committee(keys.map((key) => laneBytes((key as string).toLowerCase())));
  } catch (error) {
    if (!(error instanceof LanestoreError)) throw error;
    throw invalid(`makes no committee: ${error.message}`);
  }
}

function keysIn(text: string): unknown[] | undefined {
  if (!/^\s*[[{]/.test(text)) {
    const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*/, '').trim());
    return lines.filter((line) => line !== '');
  }
  try {
    const value: unknown = JSON.parse(text);
    const list = Array.isArray(value) ? value : (value as { committee?: unknown }).committee;
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}
