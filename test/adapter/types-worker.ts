/**
 * A process that makes one call on each of several locations, and prints how each call ended. The
 * call may block on a FIFO, which must not block the process of the tests.
 *
 *   node types-worker.js CALL LOCATION...
 *
 * It prints a line `{"code": ..., "files": [...]}` per location. `files` are the paths of the
 * findings whose type differs and which name a remedy.
 */
import { writeSync } from 'node:fs';
import { openLevel, openView, snapshot, verify } from '../../src/adapter/level/index.js';
import { openWal } from '../../src/adapter/wal/index.js';
import { type Finding, LanestoreError } from '../../src/errors.js';
import { importState, migrateStore } from '../../src/migrations/index.js';
import { plain } from '../support/plain-model.js';

type Outcome = { readonly findings?: readonly Finding[] | undefined; readonly refusal?: LanestoreError | undefined };

const CALLS: Record<string, (location: string) => Promise<Outcome>> = {
  openLevel: async (location) => closed(await openLevel(location, { model: plain })),
  openView: async (location) => {
    await using view = await openView(location, { model: plain });
    return view;
  },
  verify: (location) => verify(location, { model: plain }),
  snapshot: async (location) => {
    await snapshot(location, `${location}.snapshot`, { model: plain });
    return {};
  },
  migrateStore: async (location) => {
    await migrateStore(location, { model: plain, checks: {}, dryRun: true });
    return {};
  },
  openWal: async (location) => closed(await openWal(location, { model: plain })),
  importState: async (location) => {
    await importState(location, `${location}.imported`, { model: plain, checks: {} });
    return {};
  },
};

async function closed(store: { close(): Promise<void> }): Promise<Outcome> {
  await store.close();
  return {};
}

const [call = '', ...locations] = process.argv.slice(2);
for (const location of locations) {
  const outcome = await (CALLS[call] as (typeof CALLS)[string])(location).catch((error: unknown) => {
    if (!(error instanceof LanestoreError)) throw error;
    return { refusal: error, findings: error.findings };
  });
  const odd = (outcome.findings ?? []).filter(
    ({ kind, detail }) => (kind as string) === 'file-type' && /replace it by the file itself|name a copy/.test(detail),
  );
  writeSync(1, `${JSON.stringify({ code: outcome.refusal?.code, files: odd.map(({ file }) => file) })}\n`);
}
