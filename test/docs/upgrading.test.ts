/** UPGRADING.md quotes the messages that refuse a store of another format, or of another model. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeSchema, FORMAT, otherFormat, readSchema } from '../../src/adapter/level/format/schema.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('UPGRADING.md');
const page = readFileSync(join(packageRoot, 'UPGRADING.md'), 'utf8');

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    return `${code}: ${message}`;
  }
  throw new Error('it was accepted');
}

test('its messages match the code', () => {
  for (const format of [FORMAT + 1, FORMAT - 1]) {
    const { code, message } = otherFormat(format);
    const quoted = `${code}: ${message}`.replace(`format ${format};`, 'format N;');
    assert.ok(page.includes(`\`${quoted}\``), quoted);
  }
  const schema = { format: FORMAT, model: 'a', store: new Uint8Array(16), createdAt: '2026-01-01T00:00:00.000Z' };
  const quoted = messageOf(() => readSchema(encodeSchema(schema).bytes, 'b'));
  assert.ok(page.includes(`\`${quoted}\``), quoted);
});

test.run();
