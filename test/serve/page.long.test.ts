/**
 * The long part of `page.test.ts`: axe on every page in light and dark, checks, bounded rows,
 * hostile entries, a node that writes.
 */
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { treeHash } from '../migrations/states.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { assertAccessible, keep } from './browser.js';
import { endBrowser, showing, startBrowser } from './page-support.js';
import { makeStore } from './stores.js';

const test = suite('serve: every page');
/** Collects the tasks of 50 ms or more, from the begin of the page on. */
const OBSERVE_TASKS = `
  globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(duration);
  }).observe({ type: 'longtask', buffered: true });
`;

const TWO_FRAMES = 'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))';

test.before(startBrowser);
test.after(endBrowser);

test(
  'every page, light and dark: axe finds nothing, the browser complains of nothing',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const { laneIds } = await makeStore(location, {
      lanes: 4,
      rounds: 12,
      payloadBytes: 150_000,
      anchorAt: 3,
      votes: true,
    });
    const before = treeHash(location);
    const pages: readonly (readonly [name: string, hash: string, text: string | RegExp])[] = [
      ['overview', '#/0', 'Value files:'],
      ['lane', `#/0/lane/${laneIds[0]}`, 'sound'],
      ['entry', `#/0/entry/lane%2F${laneIds[0]}%2F6`, '00000000  83 01'],
      ['round', '#/0/round/11', 'signed here: commit'],
      ['level', '#/0/level/meta%2Ftip', /versions? of/],
      ['check', '#/0/check', 'Reads a private copy'],
      ['runbook', '#/runbook/LANESTORE_CORRUPT', 'Keep the evidence'],
      ['failure', '#/0/entry/qc%2F999', 'ABSENT'],
    ];
    for (const scheme of ['light', 'dark'] as const) {
      await showing(
        [location, fixture('wal', 'state')],
        async ({ page, go }) => {
          for (const [name, hash, text] of pages) {
            await go(hash, text);
            await assertAccessible(page, `${name}, ${scheme}`);
            await keep(page, `${name}-${scheme}`);
          }
        },
        scheme,
      );
    }
    assert.is(treeHash(location), before);
  }),
);

test(
  'verify: a bar, a result; cancelled with the button; findings with their procedure',
  inTemp(async (dir) => {
    const [sound, damaged] = [join(dir, 'sound'), join(dir, 'damaged')];
    await makeStore(sound, { lanes: 2, rounds: 60, payloadBytes: 150_000 });
    await makeStore(damaged, { lanes: 2, rounds: 8, payloadBytes: 150_000 });
    const [file = ''] = readdirSync(join(damaged, 'values'));
    rmSync(join(damaged, 'values', file));
    await showing([sound, damaged], async ({ page, go }) => {
      await go('#/0/check', 'Reads a private copy');
      await page.getByRole('button', { name: 'Verify' }).click();
      await page.getByRole('progressbar').waitFor();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('Cancelled').waitFor();
      await page.getByRole('button', { name: 'Verify again' }).waitFor();
      // The cancelled check may still be ending.
      const verify = async (until: number): Promise<void> => {
        await page.getByRole('button', { name: 'Verify again' }).click();
        const refused = page.getByText('a check of this location is running');
        await page.getByText('OK', { exact: true }).or(refused).waitFor();
        if (await refused.isVisible()) {
          assert.ok(Date.now() < until, 'the cancelled check ends');
          await page.waitForTimeout(200);
          await verify(until);
        }
      };
      await verify(Date.now() + 60_000);
      await page.getByText('120 entries checked').waitFor();
      await assertAccessible(page, 'a sound result');

      await go('#/1/check', 'Reads a private copy');
      await page.getByRole('button', { name: 'Verify' }).click();
      await page.getByText('value-missing').first().waitFor();
      await assertAccessible(page, 'a damaged result');
      await keep(page, 'verify-damaged');
      await page.getByRole('link', { name: 'Runbook: LANESTORE_CORRUPT' }).first().click();
      await page.getByText('Keep the evidence').waitFor();
    });
  }),
);

test(
  '1,000 lanes and 5,000 blocks: rows in the document are bounded, all can be reached, the longest task is reported',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const { laneIds } = await makeStore(location, { lanes: 1000, rounds: 5 });
    const long = join(dir, 'long');
    const { laneIds: longIds } = await makeStore(long, { lanes: 1, rounds: 5000 });
    await showing([location, long], async ({ page, go }) => {
      await page.addInitScript(OBSERVE_TASKS);
      await go('#/0', '1000 lanes');
      const lanes = page.getByRole('table', { name: 'Lanes' });
      assert.is(await lanes.getAttribute('aria-rowcount'), '1001');
      const rowsOf = async (name: string) => page.getByRole('table', { name, exact: true }).getByRole('row').count();
      const seen = new Set<string>();
      let most = 0;
      const scroller = lanes.locator('.vscroll');
      for (let top = 0; top <= 1000 * 30; top += 300) {
        await scroller.evaluate((element, to) => element.scrollTo(0, to), top);
        await page.evaluate(TWO_FRAMES);
        most = Math.max(most, await rowsOf('Lanes'));
        for (const link of await lanes.locator('a').evaluateAll((links) => links.map((element) => element.title)))
          seen.add(link);
      }
      assert.ok(most < 40, `${most} rows in the document`);
      assert.equal([...seen].sort(), [...laneIds].sort());
      await assertAccessible(page, '1,000 lanes');
      await keep(page, 'lanes-1000');

      await go('#/0/round/4', 'Blocks ordered by it');
      assert.ok((await rowsOf('Lanes of this round')) < 45);

      await go(`#/1/lane/${longIds[0]}`, 'sound');
      const blocks = page.getByRole('table', { name: 'Blocks' });
      await blocks.locator('.vscroll').focus();
      await page.keyboard.press('End');
      await blocks.getByRole('link', { name: '4999', exact: true }).waitFor();
      assert.ok((await rowsOf('Blocks')) < 45);
      const tasks = (await page.evaluate('longTasks')) as number[];
      const elements = await page.locator('*').count();
      process.stdout.write(
        `\n  ${most} rows of 1,000 lanes and ${elements} elements in the document; longest task ` +
          `${Math.max(0, ...tasks).toFixed(0)} ms, ${tasks.length} of 50 ms or more\n`,
      );
    });
  }),
);

test(
  'hostile entries are text: markup in transactions, in a path and in the address; 2 MiB blocks',
  inTemp(async (dir) => {
    const location = join(dir, '<img src=x onerror=alert(1)>');
    const network = await makeStore(location, { lanes: 1, rounds: 2, payloadBytes: 2_000_000 });
    const store = await openLevel(location, { model: autobahn });
    const block = network.block(0);
    const markup = new TextEncoder().encode('<script>globalThis.isHacked = true</script><img src=x onerror=alert(1)>');
    const hostile = { ...block, sig: { ...block.sig, key: markup } };
    await store.persist({ blocks: [block], inner: markup }).catch(() => store.persist({ blocks: [hostile] }));
    await store.close();
    await showing([location, fixture('wal', 'state')], async ({ page, go }) => {
      let dialogs = 0;
      page.on('dialog', (dialog) => {
        dialogs++;
        void dialog.dismiss();
      });
      await go('#/0', '1 lane');
      await page.getByRole('link', { name: location }).waitFor();
      await go('#/0/entry/inner', 'Decoded');
      await page.getByText('<script>gl').first().waitFor();
      await go(`#/0/entry/lane%2F${network.laneIds[0]}%2F1`, 'Decoded');
      await page.getByRole('button', { name: 'More' }).click();
      await page.getByText('4096 of').waitFor();
      const text = await page.locator('pre').allInnerTexts();
      for (const shown of text) assert.ok(shown.length < 100_000, `${shown.length} characters`);
      await go('#/0/entry/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E', 'is not a key');
      await go('#/0/lane/%3Cscript%3E', 'no such lane');
      await go('#/<script>/round/<script>', 'Not a road index');
      await go('#/runbook/%3Cimg%3E', 'no procedure');
      assert.is(dialogs, 0);
      assert.is(await page.evaluate('globalThis.isHacked'), undefined);
      assert.is(await page.locator('img').count(), 0);
    });
  }),
);

test(
  'live: the overview follows a node that writes, shows rates, and says that a location is gone',
  inTemp(async (dir) => {
    const [location, away] = [join(dir, 'store'), join(dir, 'away')];
    const network = await makeStore(location, { lanes: 2, rounds: 3 });
    await showing([location], async ({ page, go }) => {
      await go('#/0', 'The state is read every 2 seconds');
      const store = await openLevel(location, { model: autobahn });
      const rate = page.getByText(/blocks, .* CommitQCs a second/);
      const until = Date.now() + 60_000;
      while (!(await rate.isVisible()) && Date.now() < until) {
        await store.persist({ blocks: [network.block(0), network.block(1)], commitQCs: [network.commitQC()] });
        await page.waitForTimeout(50);
      }
      assert.ok(await rate.isVisible(), 'rates are shown');
      await page.locator('canvas').waitFor();
      await assertAccessible(page, 'rates');
      await keep(page, 'live');
      await store.close();
      renameSync(location, away);
      await page.getByRole('alert').getByText('LANESTORE_NOT_A_STORE').first().waitFor();
      await page.getByText('Below: what was read before.').waitFor();
      await assertAccessible(page, 'a location that is gone');
      renameSync(away, location);
      await page.getByRole('alert').waitFor({ state: 'detached' });
    });
  }),
);

test(
  'bytes of an entry that break off, as when the user leaves the page, are no error of the page',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location, { lanes: 1, rounds: 2 });
    await showing([location], async ({ page, go }) => {
      await page.addInitScript(`
        globalThis.brokenOff = 0;
        Response.prototype.arrayBuffer = async () => {
          globalThis.brokenOff++;
          throw new DOMException('signal is aborted without reason', 'AbortError');
        };
      `);
      await go('#/0/entry/meta%2Ftip', 'Decoded');
      await page.waitForFunction('globalThis.brokenOff > 0');
      await page.evaluate(TWO_FRAMES);
    });
  }),
);

test.run();
