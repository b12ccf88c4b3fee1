/**
 * A process for {@link drive}, so that a fault can be injected between it and its C library:
 *
 *   node driven-worker.js DRIVE-AS-JSON FREED
 *
 * It prints one line, the trace as JSON. It makes the file FREED to end the fault.
 */
import { writeFileSync, writeSync } from 'node:fs';
import { type Drive, drive } from './driven.js';

const [what = '', freed = ''] = process.argv.slice(2);
const trace = await drive(JSON.parse(what) as Drive, () => writeFileSync(freed, ''));
writeSync(1, `${JSON.stringify(trace)}\n`);
