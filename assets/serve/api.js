/**
 * Reads data from the server. Paths are relative to the page, whose path contains the token.
 *
 * @module
 */
import { useEffect, useState } from './vendor/hooks.js';

/**
 * @typedef {{ code: string, message: string, remedy: string, findings: object[] }} Failure
 * @typedef {{ data?: any, failure?: Failure, at?: number }} Answer
 */

/**
 * Reads JSON. Does not throw: on a failure, the answer has `failure`.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export async function read(path, signal) {
  try {
    const response = await fetch(path, { signal });
    const type = response.headers.get('content-type') ?? '';
    if (!type.startsWith('application/json')) return { failure: unreachable(await response.text()) };
    const body = await response.json();
    return response.ok ? { data: body, at: performance.now() } : { failure: body };
  } catch (error) {
    return { failure: unreachable(String(error)) };
  }
}

/** @param {string} message */
function unreachable(message) {
  return { code: 'NO ANSWER', message, remedy: 'is lanestore serve still running?', findings: [] };
}

/**
 * Reads `path`. While the page is visible, reads it again every `everyMs` milliseconds; with 0,
 * reads it once. After a failure, the answer keeps the earlier data.
 * @param {string | undefined} path
 * @param {number} [everyMs]
 * @returns {Answer & { path?: string }}
 */
export function useData(path, everyMs = 0) {
  const [answer, setAnswer] = useState(/** @type {Answer & { path?: string }} */ ({}));
  useEffect(() => {
    if (path === undefined) return undefined;
    const abort = new AbortController();
    let timer = 0;
    const again = async () => {
      if (!document.hidden) {
        const next = await read(path, abort.signal);
        if (abort.signal.aborted) return;
        setAnswer((before) =>
          before.path === path ? { data: before.data, ...next, path, failure: next.failure } : { ...next, path },
        );
      }
      if (everyMs > 0 && !abort.signal.aborted) timer = setTimeout(again, everyMs);
    };
    again();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs]);
  return answer.path === path ? answer : {};
}

/** @param {Record<string, string | number>} parameters */
export function search(parameters) {
  return new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)])).toString();
}
