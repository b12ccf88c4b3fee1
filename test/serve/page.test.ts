/**
 * The page of `lanestore serve` in a real browser: by keyboard from the overview to bytes, and
 * two stores side by side.
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { inTemp } from '../support/temp.js';
import { endBrowser, showing, startBrowser } from './page-support.js';
import { makeStore } from './stores.js';

const test = suite('serve: the page');
test.before(startBrowser);
test.after(endBrowser);

test(
  'from the overview to a lane, a block, its bytes and its download, by keyboard alone',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location, { lanes: 2, rounds: 5 });
    await showing([location], async ({ page, go }) => {
      await go('', '2 lanes');
      const follow = async (selector: string) => {
        const link = page.locator(selector).first();
        await link.waitFor();
        for (let presses = 0; presses < 60; presses++) {
          if (await link.evaluate((element) => element === element.ownerDocument.activeElement)) break;
          await page.keyboard.press('Tab');
        }
        await page.keyboard.press('Enter');
      };
      await follow('a[href^="#/0/lane/"]');
      await follow('a[href^="#/0/entry/lane"]');
      await page.getByText('CBOR diagnostic notation').waitFor();
      await page.getByText('"parentHash":').first().waitFor();
      const download = page.waitForEvent('download');
      await follow('a[download]');
      assert.match((await download).suggestedFilename(), /^lane-[0-9a-f]{64}-0{20}\.raw$/);
    });
  }),
);

test(
  'rounds: forward and back by key, to a road index, two stores side by side with differences marked',
  inTemp(async (dir) => {
    const [a, b] = [join(dir, 'a'), join(dir, 'b')];
    const network = await makeStore(a, { lanes: 3, rounds: 6 });
    await makeStore(b, { lanes: 3, rounds: 6 });
    // One more round in one store only.
    const store = await openLevel(a, { model: autobahn });
    await store.persist({ blocks: [network.block(0)], commitQCs: [network.commitQC()] });
    await store.close();
    await showing([a, b], async ({ page, go }) => {
      await go('#/0/round/4', 'Blocks ordered by it');
      const marks = () => page.locator('.mark').count();
      await page.getByText('same').first().waitFor();
      const differing = await page.locator('tr.differs').allInnerTexts();
      assert.equal(
        differing.map((text) => text.split(/\s/).slice(0, 2).join(' ')),
        ['CommitQCs held'],
      );
      await page.locator('h1').click();
      // Two keys before the page is drawn again.
      await page.evaluate(
        "for (const key of ['ArrowRight', 'ArrowRight']) dispatchEvent(new KeyboardEvent('keydown', { key }))",
      );
      await page.getByRole('heading', { name: 'Round 6' }).waitFor();
      await page.getByText('not stored').waitFor();
      assert.ok((await marks()) >= 3, 'the QC of one store only is marked, and each of its lanes');
      await page.keyboard.press('ArrowLeft');
      await page.getByRole('heading', { name: 'Round 5' }).waitFor();
      await page.getByLabel('Road index').fill('2');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Round 2' }).waitFor();
    });
  }),
);

test.run();
