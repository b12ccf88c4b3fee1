/** `lanestore serve LOCATION...` */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { LanestoreError } from '../errors.js';
import { CommandError, UsageError } from './command-error.js';
import { note, print, toJson } from './output.js';
import { onSignal } from './signals.js';
import { type Run, wholeNumber } from './verb.js';

const PORT_MAX = 65_535;
const TOKEN = /^[A-Za-z0-9_-]{22,256}$/;
const TOKEN_BYTES = 24;

/** Runs `serve`. */
export const run: Run = async (locations, options) => {
  const port = wholeNumber(options, 'port', 0, 0);
  if (port > PORT_MAX) throw new UsageError(`--port must be at most ${PORT_MAX}, got ${port}`);
  const file = options['token-file'];
  const token = typeof file === 'string' ? readToken(file) : randomBytes(TOKEN_BYTES).toString('base64url');
  for (const location of locations) requireDirectory(location);
  const { serve } = await loadServer();
  const server = await serve(locations, { port, token });
  onSignal(server.kill);
  const url = `${server.origin}/${token}/`;
  if (options.json === true) print(toJson({ url, port: server.port, locations }));
  else {
    print(url);
    note('the page reads private copies and writes nothing; Ctrl-C ends it');
  }
  await server.closed;
  return 0;
};

async function loadServer(): Promise<typeof import('./serve/server.js')> {
  try {
    return await import('./serve/server.js');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new CommandError(
      'refused',
      'the packages hono and @hono/node-server are not installed',
      'they are optional dependencies of lanestore: npm install hono @hono/node-server',
    );
  }
}

function readToken(file: string): string {
  const token = readFileSync(file, 'utf8').trim();
  if (!TOKEN.test(token)) throw new UsageError(`${file} must hold a token: 22 to 256 letters, digits, - and _`);
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0)
    note(`warning: other users may access ${file}; chmod 600 prevents that`);
  return token;
}

function requireDirectory(location: string): void {
  if (statSync(location, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const message = `${location} is not a directory`;
  throw new LanestoreError('LANESTORE_NOT_A_STORE', message, { remedy: 'name existing state directories' });
}
