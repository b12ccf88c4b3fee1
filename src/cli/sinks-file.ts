/**
 * A file that names sinks, for commands:
 *
 *   [{ "file": "/mnt/witness" }, { "url": "https://…", "tokenFile": "/etc/…" }]
 *
 * Each entry needs a "name" if the guard's options gave one.
 */
import { dirname, resolve } from 'node:path';
import { fileWitness, httpWitness, type WitnessSink } from '../guard/index.js';
import { LanestoreError } from '../index.js';
import { readText } from './text-file.js';

/**
 * The sinks of a file.
 * @throws LANESTORE_IO if it cannot be read; LANESTORE_INVALID if it names no sinks.
 */
export async function sinksIn(file: string): Promise<readonly WitnessSink[]> {
  const list: unknown = parsed(await readText(file), file);
  if (!Array.isArray(list) || list.length === 0) throw malformed(file, 'it is no JSON array of sinks');
  const base = dirname(resolve(file));
  return Promise.all(list.map((entry: unknown) => sinkOf(entry, base, file)));
}

async function sinkOf(entry: unknown, base: string, file: string): Promise<WitnessSink> {
  const { name, file: path, url, tokenFile, ...rest } = (entry ?? {}) as Record<string, unknown>;
  const [extra] = Object.keys(rest);
  if (extra !== undefined) throw malformed(file, `it has the unknown field ${extra}`);
  if (name !== undefined && typeof name !== 'string') throw malformed(file, 'a name is no text');
  const named = name === undefined ? {} : { name };
  if (typeof path === 'string' && url === undefined) return fileWitness(path, named);
  if (typeof url === 'string' && typeof tokenFile === 'string' && path === undefined) {
    return httpWitness({ url, token: (await readText(resolve(base, tokenFile))).trim(), ...named });
  }
  throw malformed(file, 'a sink is neither { file } nor { url, tokenFile }');
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(file, 'it is no JSON');
  }
}

function malformed(file: string, what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `${file}: ${what}`, {
    remedy: 'see docs/signing-safety.md, Witness sinks',
  });
}
