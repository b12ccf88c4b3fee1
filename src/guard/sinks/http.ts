/** A sink on another host: `lanestore witness-server`, or a server with the same protocol. */
import { formatHistory, type SigningHistory } from '../../adapter/index.js';
import { hex } from '../../base/bytes.js';
import { fields, outOfRange, required, string } from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import { fencedError, type WitnessClaim, type WitnessKey, type WitnessRecord, type WitnessSink } from '../witness.js';
import { fieldsOf, parseRecord, RECORD_CHARS_MAX } from '../witness-text.js';
import { checkSinkName } from './file.js';

/** Options of {@link httpWitness}. */
export interface HttpWitnessOptions {
  /** `https:` or `http:`. Plain HTTP does not encrypt the token, so use it on loopback only. */
  readonly url: string;
  /** The token in the server's `--token-file`: 16 to 512 visible ASCII characters. */
  readonly token: string;
  /** The sink's name. Default: the URL. Keep the name if the URL changes. */
  readonly name?: string;
}

const TOKEN = /^[\x21-\x7e]{16,512}$/;
/** The path of a witness server's calls, below its URL. */
export const WITNESS_PATH = 'v1/witness';
/** Upper bound of the characters of an error text that are shown. */
const SHOWN_MAX = 300;

const checkOptions = fields<HttpWitnessOptions>({
  url: required(string),
  token: required(string),
  name: checkSinkName,
});

/** True if `value` may be a token. */
export function isToken(value: string): boolean {
  return TOKEN.test(value);
}

/** A sink on an HTTP server, called with the global `fetch`. Its errors never contain the token. */
export function httpWitness(options: HttpWitnessOptions): WitnessSink {
  checkOptions(options, 'httpWitness: options');
  const { url, token, name = url } = options;
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base === undefined || !['http:', 'https:'].includes(base.protocol) || base.username + base.password !== '') {
    throw new LanestoreError(
      'LANESTORE_INVALID',
      'httpWitness: options.url must be http: or https:, without a password',
    );
  }
  if (base.search !== '' || base.hash !== '')
    throw outOfRange('httpWitness: options.url', 'without ? and #', base.pathname);
  if (!isToken(token)) {
    throw new LanestoreError(
      'LANESTORE_INVALID',
      'httpWitness: options.token must be 16 to 512 visible ASCII characters',
    );
  }
  checkSinkName(name, 'httpWitness: options.name');
  const place = new URL(WITNESS_PATH, base.pathname.endsWith('/') ? base : `${base.href}/`);
  return new HttpWitness(name, place.href, token);
}

class HttpWitness implements WitnessSink {
  readonly name: string;
  readonly #url: string;
  readonly #token: string;

  constructor(name: string, url: string, token: string) {
    this.name = name;
    this.#url = url;
    this.#token = token;
  }

  async read(key: WitnessKey, signal: AbortSignal): Promise<WitnessRecord> {
    return parseRecord(await this.#ask({ call: 'read', ...keyFields(key) }, signal), key);
  }

  async claim(key: WitnessKey, holder: string, signal: AbortSignal): Promise<WitnessRecord> {
    return parseRecord(await this.#ask({ call: 'claim', ...keyFields(key), holder }, signal), key);
  }

  async put({ epoch, holder }: WitnessClaim, history: SigningHistory, signal: AbortSignal): Promise<void> {
    const call = { call: 'put', ...keyFields(history), epoch: `${epoch}`, holder, history: formatHistory(history) };
    const { held } = fieldsOf(await this.#ask(call, signal));
    const { epoch: heldEpoch, seq } = (held ?? {}) as Record<string, unknown>;
    if (heldEpoch === `${epoch}` && seq === `${history.seq}`) return;
    throw failed('its answer to a put names a different batch than the one that was sent');
  }

  async #ask(call: object, signal: AbortSignal): Promise<string> {
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' };
    let response: Response;
    let text: string;
    try {
      // A redirect would send the token to another server.
      response = await fetch(this.#url, {
        ...{ method: 'POST', headers, body: JSON.stringify(call), redirect: 'error', signal },
      });
      text = await limited(response);
    } catch (error) {
      if (error instanceof LanestoreError) throw error;
      throw failed(`the call failed: ${this.#safe(reasonOf(error))}`);
    }
    if (response.status === 200) return text;
    const { code, message } = fieldsOf(text);
    const said = this.#safe(typeof message === 'string' ? message : 'without a reason');
    if (code === 'LANESTORE_FENCED') throw fencedError(said);
    if (code === 'LANESTORE_OUT_OF_SEQUENCE') throw new LanestoreError(code, said);
    throw failed(`it answered ${response.status}: ${said}`);
  }

  /** The text on one line, without the token. */
  #safe(text: string): string {
    return text
      .replaceAll(this.#token, '***')
      .replace(/[^\x20-\x7e]+/g, ' ')
      .slice(0, SHOWN_MAX);
  }
}

function keyFields({ network, signer }: WitnessKey): { network: string; signer: string } {
  return { network, signer: hex(signer) };
}

/** The body of a response. @throws LANESTORE_IO if it is too long. */
async function limited(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > RECORD_CHARS_MAX) throw failed(`its answer has more than ${RECORD_CHARS_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** `fetch` puts the reason into `cause`. */
function reasonOf(error: unknown): string {
  const { cause, message, name } = error as Error & { cause?: Error & { code?: string } };
  if (cause === undefined) return name === 'TypeError' || name === 'Error' ? message : `${name}: ${message}`;
  return cause.code ?? cause.message ?? message;
}

function failed(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_IO', what, {
    remedy: 'check the witness server, its token, and the network to it',
  });
}
