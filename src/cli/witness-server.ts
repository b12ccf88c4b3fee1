/** `lanestore witness-server DIR --listen HOST:PORT --token-file FILE` */
import { stat } from 'node:fs/promises';
import { openWitnessServer } from '../guard/index.js';
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { note, print, toJson } from './output.js';
import { nextSignal } from './signals.js';
import { readText } from './text-file.js';
import type { OptionValues, Run } from './verb.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const PORT_MAX = 65_535;
/** Mode bits that give access to the group or to others. */
const READABLE_BY_OTHERS = 0o077;

/** Runs `witness-server`. */
export const run: Run = async ([directory = ''], options) => {
  const { host, port } = addressOf(options);
  const token = await tokenOf(options);
  const names = typeof options.names === 'string' ? options.names.split(',') : [];
  if (names.includes('')) throw new UsageError('--names has an empty name');
  const signal = nextSignal();
  await using server = await openWitnessServer({ directory, token, host, port, names });
  if (!LOOPBACK.has(host)) note('note: plain HTTP on a network shows the token to it: put a proxy with TLS in front');
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`;
  print(options.json === true ? toJson({ url }) : `listening on ${url}`);
  note(`${await signal}: answering the calls under way`);
  return EXIT.ok;
};

function addressOf({ listen }: OptionValues): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(String(listen)) ?? [];
  const [host, port] = [bracketed ?? plain, Number(digits)];
  if (host === undefined || !(port <= PORT_MAX)) {
    throw new UsageError('--listen HOST:PORT is missing, or none: e.g. 127.0.0.1:7600; port 0 takes any free one');
  }
  return { host, port };
}

async function tokenOf(options: OptionValues): Promise<string> {
  const file = options['token-file'];
  if (typeof file !== 'string') throw new UsageError('--token-file FILE is missing');
  const token = (await readText(file)).trim();
  const { mode } = await stat(file);
  if (process.platform !== 'win32' && (mode & READABLE_BY_OTHERS) !== 0) {
    note(`note: others may read ${file}: chmod 600`);
  }
  return token;
}
