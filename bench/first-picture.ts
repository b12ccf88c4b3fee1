/**
 * `node .build/bench/first-picture.js DIR [large|inline]`: how long `lanestore serve` takes to the
 * overview of a store of 1 GiB, in a real browser. `large`: blocks of 2 MiB in value files;
 * `inline`: blocks of 64 KiB in LevelDB's tables. The store is made in DIR unless it is there.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '../src/cli/serve/server.js';
import { autobahn, openLevel } from '../src/index.js';
import { launch, openPage } from '../test/serve/browser.js';
import { makeNetwork } from '../test/support/network.js';
import { treeSize } from './disk.js';
import { describeMachine } from './machine.js';

const KIB = 1024;
const GIB = KIB ** 3;
const LANES = 4;
const RUNS = 7;
const TOKEN = 'first-picture-0123456789';
const SHAPES = {
  large: { blockBytes: 2_000_000, values: true },
  inline: { blockBytes: 64 * KIB, values: false },
} as const;

async function make(location: string, { blockBytes, values }: (typeof SHAPES)[keyof typeof SHAPES]): Promise<void> {
  const network = makeNetwork({ validators: LANES, signed: false });
  const store = await openLevel(location, { model: autobahn, values });
  for (let bytes = 0; bytes < GIB; bytes += LANES * blockBytes) {
    const blocks = Array.from({ length: LANES }, (_, lane) =>
      network.block(lane, { payloadBytes: blockBytes, txBytes: 32 * KIB }),
    );
    await store.persist({ blocks, commitQCs: [network.commitQC()] });
  }
  await store.close();
}

const [directory = '.', name = 'large'] = process.argv.slice(2);
const shape = SHAPES[name as keyof typeof SHAPES];
const location = join(directory, `first-picture-${name}`);
if (!existsSync(location)) await make(location, shape);
const browser = await launch();
const times: number[] = [];
const answers: number[] = [];
for (let run = 0; run < RUNS; run++) {
  // An empty tab is there; the server is not.
  const { page } = await openPage(browser);
  const begun = performance.now();
  const server = await serve([location], { port: 0, token: TOKEN });
  page.on('requestfinished', (request) => {
    if (request.url().endsWith('/overview')) answers.push(request.timing().responseEnd);
  });
  await page.goto(`${server.origin}/${TOKEN}/`);
  await page.getByRole('table', { name: 'Lanes' }).waitFor();
  times.push(performance.now() - begun);
  await page.close();
  await server.close();
}
await browser.close();
const { bytes } = treeSize(location);
const sorted = [...times].sort((a, b) => a - b);
const text = {
  machine: describeMachine(directory),
  date: new Date().toISOString().slice(0, 10),
  storeBytes: bytes,
  runs: times.map((ms) => Math.round(ms)),
  overviewAnswerMs: answers.map((ms) => Math.round(ms)),
  medianMs: Math.round(sorted[Math.floor(RUNS / 2)] ?? 0),
  maxMs: Math.round(sorted.at(-1) ?? 0),
};
process.stdout.write(`${JSON.stringify(text, null, 2)}\n`);
