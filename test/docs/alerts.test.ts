/**
 * docs/alerts.yaml: every metric exists, every alert has steps in the runbook and a unit test, and
 * promtool (Debian's package prometheus) runs the unit tests.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { METRICS } from '../../src/metrics/index.js';
import { packageRoot } from '../support/fixtures.js';
import { readPage } from './transcript.js';

const test = suite('docs/alerts.yaml');
const rules = readPage('alerts.yaml');
const unitTests = join(packageRoot, 'test/docs/alerts.yaml');
const alerts = [...rules.matchAll(/^ {6}- alert: (\w+)\n([\s\S]*?)(?=^ {6}- alert: |$(?![\s\S]))/gm)];

test('every metric of an expression exists', () => {
  const names = [...rules.matchAll(/lanestore_[a-z_]+(?=[\s[{]| |$)/gm)].map(([name]) =>
    name.replace(/_(?:bucket|sum)$/, ''),
  );
  // Anchors of the runbook are named after codes.
  const metrics = names.filter((name) => !rules.includes(`#${name}\n`));
  assert.ok(metrics.length >= 6, `${metrics.length} metrics`);
  for (const name of metrics) assert.ok(name in METRICS, name);
});

test('every alert has numbered steps in the runbook, a severity and a unit test', () => {
  assert.ok(alerts.length >= 6, `${alerts.length} alerts`);
  const page = readPage('runbook.md');
  const tested = readFileSync(unitTests, 'utf8');
  for (const [, name = '', rule = ''] of alerts) {
    const [, anchor = ''] = /^ +runbook_url: https:\/\/\S+\/docs\/runbook\.md#(\S+)$/m.exec(rule) ?? [];
    const sections = [...page.matchAll(/^##+ (.*)\n([\s\S]*?)(?=^##+ |$(?![\s\S]))/gm)];
    const section = sections.find(([, title = '']) => slugOf(title) === anchor);
    assert.ok(section !== undefined, `${name}: #${anchor}`);
    assert.match(section[2] ?? '', /^1\. /m, name);
    assert.match(rule, /^ +severity: (?:page|ticket)$/m, name);
    assert.ok(tested.includes(`alertname: ${name}\n`), name);
  }
});

/** The anchor of a heading, as GitHub derives it. */
function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

test('promtool runs the unit tests', () => {
  if (spawnSync('promtool', ['--version']).status !== 0) {
    if (process.env.CI === 'true') throw new Error('promtool is not installed: apt-get install prometheus');
    process.stdout.write('\n  skipped: promtool is not installed (Debian: apt-get install prometheus)\n');
    return;
  }
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', unitTests], {
    cwd: dirname(unitTests),
    encoding: 'utf8',
  });
  assert.is(status, 0, stdout + stderr);
});

test.run();
