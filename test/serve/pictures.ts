/**
 * `node .build/test/serve/pictures.js`: makes the pictures of docs/serve.md, in docs/images. They
 * differ from run to run in ids and times only, so they are made anew when the page changes.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { serve } from '../../src/cli/serve/server.js';
import { autobahn, openLevel } from '../../src/index.js';
import { packageRoot } from '../support/fixtures.js';
import { withTemp } from '../support/temp.js';
import { launch, openPage } from './browser.js';
import { makeStore } from './stores.js';

const INTO = join(packageRoot, 'docs', 'images');
const TOKEN = 'pictures-0123456789-abcdef';
const MOVING_MS = 9000;
const QUALITY = 0.7;

await withTemp(async (dir) => {
  mkdirSync(INTO, { recursive: true });
  const at = (name: string) => join(dir, name);
  const busy = { lanes: 7, rounds: 30, payloadBytes: 120_000, anchorAt: 17, votes: true, uneven: true };
  const network = await makeStore(at('validator-1'), busy);
  await makeStore(at('validator-2'), { ...busy, rounds: 29, anchorAt: 15 });
  await makeStore(at('many-lanes'), { lanes: 1000, rounds: 40, uneven: true, anchorAt: 20 });
  await makeStore(at('damaged'), { ...busy, votes: false });
  const level = join(at('damaged'), 'level');
  const log = join(level, readdirSync(level).find((name) => name.endsWith('.log')) ?? '');
  const bytes = readFileSync(log);
  bytes.fill(0xff, bytes.length / 3, bytes.length / 3 + 16);
  writeFileSync(log, bytes);

  const browser = await launch();
  const blank = await browser.newPage();
  // As WebP: a fifth of the size of PNG. Encoded on a page without a content security policy.
  const save = async (page: Page, name: string): Promise<void> => {
    const png = (await page.screenshot()).toString('base64');
    const webp = await blank.evaluate<string>(`(async () => {
      const image = await createImageBitmap(await (await fetch('data:image/png;base64,${png}')).blob());
      const canvas = new OffscreenCanvas(image.width, image.height);
      canvas.getContext('2d').drawImage(image, 0, 0);
      const blob = await canvas.convertToBlob({ type: 'image/webp', quality: ${QUALITY} });
      return btoa(Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte)).join(''));
    })()`);
    writeFileSync(join(INTO, `serve-${name}.webp`), Buffer.from(webp, 'base64'));
  };
  const shoot = async (
    name: string,
    scheme: 'light' | 'dark',
    locations: readonly string[],
    hash: string,
    text: string | RegExp,
    height = 900,
  ): Promise<void> => {
    const server = await serve(locations.map(at), { port: 0, token: TOKEN });
    const { page } = await openPage(browser, scheme);
    await page.setViewportSize({ width: 1200, height });
    await page.goto(`${server.origin}/${TOKEN}/${hash}`);
    await page.getByText(text).first().waitFor();
    // Sizes are read after the first picture.
    await page.waitForTimeout(1000);
    await save(page, name);
    await page.close();
    await server.close();
  };

  // A node writes while the first two pictures are taken: they show rates.
  const store = await openLevel(at('validator-1'), { model: autobahn });
  for (const scheme of ['light', 'dark'] as const) {
    const until = Date.now() + MOVING_MS;
    const writing = (async () => {
      while (Date.now() < until) {
        await store.persist({ blocks: [network.block(0), network.block(1)], commitQCs: [network.commitQC()] });
        await new Promise((resolve) => setTimeout(resolve, 40 + 60 * Math.random()));
      }
    })();
    const server = await serve([at('validator-1')], { port: 0, token: TOKEN });
    const { page } = await openPage(browser, scheme);
    await page.setViewportSize({ width: 1200, height: 1150 });
    await page.goto(`${server.origin}/${TOKEN}/`);
    await page.locator('canvas').waitFor();
    await page.waitForTimeout(MOVING_MS / 3);
    await save(page, scheme);
    await page.close();
    await server.close();
    await writing;
  }
  await store.close();
  await shoot('1000-lanes', 'light', ['many-lanes'], '#/0', '1000 lanes', 1050);
  await shoot('damaged', 'light', ['damaged'], '#/0', 'a node would refuse', 800);
  await shoot('two-stores', 'light', ['validator-1', 'validator-2'], '#/0/round/29', 'Blocks ordered by it', 860);
  await shoot('leveldb', 'dark', ['validator-1'], '#/0/level/meta%2Ftip', /versions? of/, 800);
  await browser.close();
});
