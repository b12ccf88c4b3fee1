/** The Node.js that runs the tests, as it is and under its permission model. */
import { suite } from 'uvu';
import { thisNode } from './nodes.js';
import { addPermissionCases } from './permission-cases.js';
import { addVersionCases } from './version-cases.js';

const test = suite('environments: this Node.js');

addVersionCases(test, thisNode);
addPermissionCases(test, thisNode);

test.run();
