/** The other supported versions of Node.js; each is downloaded once. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { otherNodes } from './nodes.js';
import { addPermissionCases } from './permission-cases.js';
import { addVersionCases } from './version-cases.js';

const test = suite('environments: other versions of Node.js');
const nodes = otherNodes();

test('every version is tested, or reported as left out', () => {
  assert.ok(nodes.length > 0 || process.env.CI !== 'true');
});

for (const node of nodes) {
  addVersionCases(test, node);
  addPermissionCases(test, node);
}

test.run();
