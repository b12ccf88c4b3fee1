/** All rows of the campaign, in the order of the table. */
import type { Row } from './row.js';
import { behindTail } from './rows/behind-tail.js';
import { embedded } from './rows/embedded.js';
import { files } from './rows/files.js';
import { interleavings } from './rows/interleavings.js';
import { ioError } from './rows/io-error.js';
import { kill } from './rows/kill.js';
import { logBit } from './rows/log-bit.js';
import { noSpace } from './rows/no-space.js';
import { openers } from './rows/openers.js';
import { pages } from './rows/pages.js';
import { postgres, postgresWeakened } from './rows/postgres.js';
import { reopen } from './rows/reopen.js';
import { rollback } from './rows/rollback.js';
import { tableBit } from './rows/table-bit.js';
import { tornLog } from './rows/torn-log.js';
import { valueFiles } from './rows/value-files.js';
// biome-ignore lint/suspicious/noExplicitAny: only the row itself uses its preparation
export const ROWS: readonly Row<any>[] = [
  tornLog,
  reopen,
  embedded,
  pages,
  logBit,
  tableBit,
  valueFiles,
  behindTail,
  files,
  rollback,
  noSpace,
  ioError,
  kill,
  openers,
  interleavings,
  postgres,
  postgresWeakened,
];

/** The row of that name. @throws Error that names all rows. */
export function rowNamed(name: string): (typeof ROWS)[number] {
  const row = ROWS.find((candidate) => candidate.name === name);
  if (row === undefined)
    throw new Error(`no row is called ${name}; there are ${ROWS.map((candidate) => candidate.name).join(', ')}`);
  return row;
}
