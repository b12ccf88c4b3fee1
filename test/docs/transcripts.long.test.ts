/**
 * docs/transcripts.md: every command prints what the page shows. WRITE_TRANSCRIPTS=1 writes the
 * outputs to the page instead.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { blocksOf, cloneIn, readPage, settled, stepsOf } from './transcript.js';

const test = suite('docs/transcripts.md');
const page = readPage('transcripts.md');

test(
  'every command prints the output on the page, with the scripts of the page',
  inTemp((dir) => {
    const run = cloneIn(dir);
    for (const { language, text } of blocksOf(page)) {
      const name = /^\/\/ (\w+\.mjs)\b/.exec(text)?.[1];
      if (language !== 'console') writeFileSync(join(dir, name ?? 'unnamed'), text);
    }
    const steps = stepsOf(page);
    assert.ok(steps.length > 20, `${steps.length} commands`);
    const outputs = steps.map(({ command }) => run(command));
    if (process.env.WRITE_TRANSCRIPTS === '1') {
      const rest = [...outputs];
      const written = page.replaceAll(/^```console\n(.*?)^```$/gms, (block) =>
        ['```console\n', ...stepsOf(block).map(({ command }) => `$ ${command}\n${rest.shift()}`), '```'].join(''),
      );
      writeFileSync(join(packageRoot, 'docs/transcripts.md'), written);
      return;
    }
    for (const [place, { command, output }] of steps.entries())
      assert.equal(settled(outputs[place]!), settled(output), `$ ${command}`);
  }),
);

test.run();
