/**
 * A file that names sinks, for commands:
 *
 *   [{ "file": "/mnt/witness" }, { "url": "https://…", "tokenFile": "/etc/…" },
 *    { "postgres": "postgres://user@host:port/db", "table": "lanestore_witness" }]
 *
 * Each entry needs a "name" if the guard's options gave one. A password of PostgreSQL comes from
 * PGPASSWORD or PGPASSFILE.
 */
import { dirname, resolve } from 'node:path';
import type { PostgresConnection } from '../adapter/postgres/index.js';
import { LanestoreError } from '../errors.js';
import { fileWitness, httpWitness, postgresWitness, type WitnessSink } from '../guard/index.js';
import { isPostgres, tablesOf } from './postgres-url.js';
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
  const { name, file: path, url, tokenFile, postgres, table, ...rest } = (entry ?? {}) as Record<string, unknown>;
  const [extra] = Object.keys(rest);
  if (extra !== undefined) throw malformed(file, `it has the unknown field ${extra}`);
  if (name !== undefined && typeof name !== 'string') throw malformed(file, 'a name is no text');
  const named = name === undefined ? {} : { name };
  const kinds = [path, url, postgres].filter((kind) => kind !== undefined).length;
  if (kinds > 1 || (table !== undefined && postgres === undefined)) throw malformed(file, FORMS);
  if (typeof path === 'string') return fileWitness(path, named);
  if (typeof postgres === 'string' && (table === undefined || typeof table === 'string')) {
    const connection = connectionOf(postgres, file);
    return postgresWitness({ connection, ...(table === undefined ? {} : { table }), ...named });
  }
  if (typeof url === 'string' && typeof tokenFile === 'string') {
    return httpWitness({ url, token: (await readText(resolve(base, tokenFile))).trim(), ...named });
  }
  throw malformed(file, FORMS);
}

const FORMS = 'a sink is neither { file } nor { url, tokenFile } nor { postgres, table }';

/** Checked as a location, without `store`. The error contains no part of it. */
function connectionOf(text: string, file: string): PostgresConnection {
  if (!isPostgres(text) || /[?&]store=/.test(text)) {
    throw malformed(file, 'postgres is no URL like postgres://user@host:port/db');
  }
  try {
    return tablesOf(text).connection;
  } catch (error) {
    throw malformed(file, (error as Error).message);
  }
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
