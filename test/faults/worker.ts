/**
 * A process of the campaign's pool: it prepares a requested row, runs its cases, and reports how
 * each ended. It is reused from case to case. If a case aborts it, the pool starts another one, and
 * the abort is the verdict.
 *
 *   node worker.js DIR DISK-DIR    (with an IPC channel; {@link Request} in, {@link Answer} out)
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CaseContext, caseRandom, type Mistake, type Row, Wrong } from './row.js';
import { rowNamed } from './rows.js';

/** A request for the number of cases of a row, or for one case. */
export interface Request {
  readonly row: string;
  readonly seed: number;
  readonly i?: number;
}

/** The outcome. */
export type Answer =
  | { readonly count: number }
  | { readonly verdict: string }
  | { readonly mistake: Mistake | 'harness'; readonly detail: string };

const [memory = '', disk = ''] = process.argv.slice(2);
let prepared: { readonly key: string; readonly row: Row; readonly value: Promise<unknown> } | undefined;

async function dispose(): Promise<void> {
  const last = prepared;
  prepared = undefined;
  const value = await last?.value.catch(() => undefined);
  if (value !== undefined) await last?.row.dispose?.(value);
}

async function prepare(row: Row, seed: number): Promise<unknown> {
  const key = `${row.name}/${seed}`;
  if (prepared?.key !== key) {
    await dispose();
    const dir = join(memory, 'prepared');
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    prepared = { key, row, value: row.prepare({ seed, dir }) };
  }
  return prepared.value;
}

async function answer({ row: name, seed, i }: Request): Promise<Answer> {
  const row = rowNamed(name);
  const ready = await prepare(row, seed);
  if (i === undefined) return { count: row.count?.(ready) ?? Number(row.counts.full) };
  const context: CaseContext = {
    random: caseRandom(seed, name, i),
    dir: join(memory, 'case'),
    disk: join(disk, 'case'),
  };
  for (const dir of [context.dir, context.disk]) mkdirSync(dir);
  try {
    return { verdict: await row.run(ready, i, context) };
  } finally {
    for (const dir of [context.dir, context.disk]) rmSync(dir, { recursive: true, force: true });
  }
}

for (const dir of [memory, disk]) mkdirSync(dir, { recursive: true });
process.on('message', (request: Request) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (error: Error) => {
      // An error of the harness must not count as a verdict on the store.
      const mistake = error instanceof Wrong ? error.mistake : 'harness';
      process.send?.({ mistake, detail: mistake === 'harness' ? `${error.stack}` : error.message } satisfies Answer);
    },
  );
});
process.on('disconnect', () => void dispose().finally(() => process.exit(0)));
