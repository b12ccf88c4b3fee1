/**
 * Refuses requests before any route runs: with another host (DNS rebinding), from another site,
 * with a method that could change something, or with a wrong token. All answers have {@link
 * SECURITY_HEADERS}.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** The values that a request must match. */
export interface Gate {
  readonly token: string;
  /** Accepted values of the header Host. */
  readonly hosts: readonly string[];
}

/**
 * Headers of every answer. They allow scripts and styles from files of the package only: no inline
 * script, no eval, no other host. They forbid frames around the page, and forms.
 */
export const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  [
    'content-security-policy',
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
      "trusted-types 'none'",
  ],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cache-control', 'no-store'],
];

/** A path with a token: /TOKEN/rest */
const TOKEN_PATH = /^\/([A-Za-z0-9_-]{22,256})(\/.*)$/;
const BEARER = /^Bearer ([A-Za-z0-9_-]{22,256})$/;

/** The request without the token in its path, or the refusal. */
export function admit(request: Request, { token, hosts }: Gate): Request | Response {
  const host = request.headers.get('host') ?? '';
  if (!hosts.includes(host)) return refusal(421, 'this server answers to its own address only');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const refused = refusal(405, 'this server only shows: GET and HEAD');
    refused.headers.set('allow', 'GET, HEAD');
    return refused;
  }
  const origin = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site');
  if ((origin !== null && origin !== `http://${host}`) || site === 'cross-site' || site === 'same-site')
    return refusal(403, 'requests from other sites are refused');
  const url = new URL(request.url);
  const [, inPath, rest] = TOKEN_PATH.exec(url.pathname) ?? [];
  const [, bearer] = BEARER.exec(request.headers.get('authorization') ?? '') ?? [];
  if (inPath !== undefined && isToken(inPath, token)) {
    url.pathname = rest ?? '/';
    return new Request(url, { method: request.method, headers: request.headers, signal: request.signal });
  }
  if (bearer !== undefined && isToken(bearer, token)) return request;
  return refusal(403, 'the token is missing or wrong: use the address that lanestore serve printed');
}

/** Compares digests, so that the time does not depend on the token. */
function isToken(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function refusal(status: number, message: string): Response {
  return new Response(`${message}\n`, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } });
}
