/** All verbs but `help`, which needs this table. */
import type { Verb } from '../verb.js';
import { CHANGING } from './changing.js';
import { FURTHER } from './further.js';
import { READING } from './reading.js';

/** Descriptions by name, in the order of the help. */
export const DESCRIBED: Readonly<Record<string, Verb>> = { ...READING, ...CHANGING, ...FURTHER };
