/** A browser on a page of `lanestore serve`. */
import type { Browser, Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { serve } from '../../src/cli/serve/server.js';
import { hasBrowser, launch, openPage } from './browser.js';

/** The token of the server. */
export const TOKEN = 'test-token-0123456789-abcdef';

let browser: Browser | undefined;

/** Starts the browser; without one, {@link showing} does nothing. */
export async function startBrowser(): Promise<void> {
  if (hasBrowser()) browser = await launch();
}

/** Ends the browser. */
export async function endBrowser(): Promise<void> {
  await browser?.close();
}

/** A page that is shown. */
export interface Shown {
  readonly page: Page;
  /** Goes to an address of the page, and waits for `text` in it. */
  go(hash: string, text: string | RegExp): Promise<void>;
}

/** Runs `use` with a page of `locations`. The browser must have no complaint. */
export async function showing(
  locations: readonly string[],
  use: (shown: Shown) => Promise<void>,
  colorScheme: 'light' | 'dark' = 'light',
): Promise<void> {
  if (browser === undefined) return;
  const server = await serve(locations, { port: 0, token: TOKEN });
  const { page, complaints } = await openPage(browser, colorScheme);
  const url = `${server.origin}/${TOKEN}/`;
  const go = async (hash: string, text: string | RegExp) => {
    await page.goto(url + hash);
    await page.getByText(text).first().waitFor();
  };
  try {
    await use({ page, go });
    assert.equal(complaints, []);
  } finally {
    await page.close();
    await server.close();
  }
}
