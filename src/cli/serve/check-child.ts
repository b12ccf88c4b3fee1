/**
 * The process of a check: `node check-child.js LOCATION`. Sends progress and the result to its
 * parent process, and ends with it.
 */
import { removePrivateCopies, verify } from '../../adapter/level/index.js';
import { isLanestoreError } from '../../errors.js';
import { detectLayout, openState, SEI_LAYOUT, verifyState } from '../../migrations/index.js';
import { plain } from '../output.js';
import { NEWER } from '../protocol-73f917bbd.js';
import { withProtocol } from '../protocols.js';
import { endOnSignals, onSignal } from '../signals.js';
import type { CheckEvent } from './check.js';
import { failureOf } from './failure.js';
import { refusalOf, shownFindings } from './overview.js';

onSignal(removePrivateCopies);
endOnSignals();
const endWithParent = () => void process.kill(process.pid, 'SIGTERM');
process.once('disconnect', endWithParent);

function send(event: CheckEvent): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(plain(event), undefined, undefined, () => resolve());
  });
}

const PROGRESS_MS = 100;

async function check(path: string): Promise<object> {
  const { layout } = await detectLayout(path);
  if (layout === 'level') return checkStore(path);
  return layout === SEI_LAYOUT ? checkNewerState(path) : readState(path);
}

async function checkStore(path: string): Promise<object> {
  const { refusal, ...report } = await withProtocol(path, async ({ model, checks }) =>
    verify(path, {
      model,
      checks: await checks(),
      onProgress: (progress) => void send({ kind: 'progress', ...progress }),
    }),
  );
  const { records, bytes, checked, findings, findingsTotal, notes, seq } = report;
  return {
    ...{ records, bytes, checked, findings: shownFindings(findings), findingsTotal, notes, seq: seq ?? null },
    refusal: refusal === undefined ? null : refusalOf(refusal),
  };
}

async function checkNewerState(path: string): Promise<object> {
  const source = await openState(path, NEWER.model);
  try {
    const { entries, bytes, rows, findings, findingsTotal } = await verifyState(
      source,
      NEWER.model,
      await NEWER.checks(),
    );
    const shown = { findings: shownFindings(findings), findingsTotal, notes: source.notes, refusal: null };
    return { records: entries, bytes, checked: entries + rows, ...shown };
  } finally {
    await source.close();
  }
}

/** `verify` does not read layouts older than 73f917bbd. Here every entry is read and decoded. */
function readState(path: string): Promise<object> {
  return withProtocol(path, async ({ model, checks }) => {
    const { block, commitQC } = await checks();
    const source = await openState(path, model);
    try {
      let [records, bytes, last] = [0, 0, 0];
      const count = (wire: Uint8Array) => {
        records++;
        bytes += wire.length;
        if (performance.now() - last < PROGRESS_MS) return;
        last = performance.now();
        void send({ kind: 'progress', phase: 'records', done: records, total: 0 });
      };
      for await (const { entry, wire } of source.commitQCs()) {
        commitQC?.(entry);
        count(wire);
      }
      for (const lane of source.lanes.keys()) {
        let before: Parameters<NonNullable<typeof block>>[1];
        for await (const { entry, wire } of source.blocks(lane)) {
          block?.(entry, before, { first: 0n, next: 0n });
          before = entry;
          count(wire);
        }
      }
      return { records, bytes, checked: records, findings: [], findingsTotal: 0, notes: source.notes, refusal: null };
    } finally {
      await source.close();
    }
  });
}

try {
  await send({ kind: 'report', report: await check(process.argv[2] ?? '') });
} catch (error) {
  await send({ kind: 'failed', failure: failureOf(error).failure });
  if (!isLanestoreError(error)) process.exitCode = 1;
}
process.off('disconnect', endWithParent);
process.disconnect?.();
