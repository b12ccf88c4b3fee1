/** Debian's chromium, driven by playwright-core: for tests of the page. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/fixtures.js';

const PATH = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** Bound of every wait in the page, on a slow and busy machine. */
const WAIT_MS_MAX = 60_000;
const AXE = readFileSync(join(packageRoot, 'node_modules/axe-core/axe.min.js'), 'utf8');
/** Screenshots of a run of the tests; git ignores the folder. */
const SHOTS = join(packageRoot, '.build', 'screenshots');

/**
 * True if the browser is installed; else prints why the test is skipped.
 * @throws Error in CI, where it must be installed.
 */
export function hasBrowser(): boolean {
  if (existsSync(PATH)) return true;
  if (process.env.CI === 'true') throw new Error('chromium is not installed: apt-get install chromium');
  process.stdout.write('\n  skipped: chromium is not installed (Debian: apt-get install chromium)\n');
  return false;
}

/** Starts the browser. The tests may run as root, where chromium has no sandbox. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: PATH, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** A page, and what the browser complained of: scripts, and the content security policy. */
export interface OpenedPage {
  readonly page: Page;
  readonly complaints: readonly string[];
}

/** Opens a new page. */
export async function openPage(browser: Browser, colorScheme: 'light' | 'dark' = 'light'): Promise<OpenedPage> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme });
  page.setDefaultTimeout(WAIT_MS_MAX);
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    // A refused or failed request is one of the things that the page shows.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  return { page, complaints };
}

/** Runs axe on the page as it is. @throws AssertionError with what it found. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // Not as a script element, which the policy of the page refuses.
  await page.evaluate(AXE);
  const found = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as {
    id: string;
    nodes: { target: string[]; failureSummary: string }[];
  }[];
  const lines = found.map(({ id, nodes }) => `${id}: ${nodes[0]?.target.join(' ')} ${nodes[0]?.failureSummary}`);
  assert.equal(lines, [], what);
}

/** Keeps a screenshot of the page as an artefact of the test. */
export async function keep(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}
