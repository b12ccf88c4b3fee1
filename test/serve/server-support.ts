/** A server of locations, and requests to it. */
import { readdirSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type RunningServer, serve } from '../../src/cli/serve/server.js';

/** The token of the server. */
export const TOKEN = 'test-token-0123456789-abcdef';

/** Runs `use` with a server of `locations`. */
export async function serving(
  locations: readonly string[],
  use: (server: RunningServer) => Promise<void>,
): Promise<void> {
  const server = await serve(locations, { port: 0, token: TOKEN });
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

/** The answer to a GET below the token. */
export function get({ origin }: RunningServer, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${origin}/${TOKEN}/${path}`, init);
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes
export async function json(server: RunningServer, path: string, status = 200): Promise<any> {
  const response = await get(server, path);
  const body = await response.json();
  assert.is(response.status, status, JSON.stringify(body).slice(0, 500));
  return body;
}

/** Copies that were made of the stores in `dir`, and not removed. */
export function copiesIn(dir: string): string[] {
  return readdirSync(dir).filter((name) => name.includes('.copy-'));
}
