/** The tables of `peers.json` on the pages. */
import { wrapProse } from '../test/support/wrap.js';
import { BUSY, isBusy } from './markdown.js';
import type { PeerFigures, PeerResults, Run } from './peers.js';
import { digits, median } from './stats.js';
import { PEER_TARGETS, targetsTable } from './targets.js';

const NO_PEERS = ['level', 'level-lanes', 'raw', 'limit'];
const FLOOR =
  '`raw` hands the same bytes to LevelDB, encoded in advance, and does nothing else. Where blocks go through ' +
  'LevelDB (i, ii, iii, vi), `raw / it` is therefore a lower bound for every store on LevelDB: a target below it ' +
  'cannot be met.';

/** Harness, date, machine and number of rounds. */
function conditions(results: PeerResults): string {
  const { startedAt, machine, othersCores, runs, workloads } = results;
  const busy = othersCores === null ? 'an unknown number of' : digits(othersCores, 2);
  const rounds = workloads.map((result) => `${result.workload.id} ${result.rounds} after ${result.warmUpRounds}`);
  const text = wrapProse(
    `\`npm run bench:peers\`, ${startedAt.slice(0, 16)}Z: ${machine.cpu}, ${machine.cores} cores, ` +
      `${machine.fileSystem}, ${machine.disk}, Node ${machine.node}; load before ${digits(machine.loadBefore, 2)}; ` +
      `other processes kept ${busy} cores busy. ${runs === 1 ? 'One run' : `Medians of ${runs} runs`}, each in a ` +
      'fresh process in which all contenders take turns round by round; rounds measured after warm-up: ' +
      `${rounds.join(', ')}.`,
  );
  return isBusy(results) ? `${text}\n\n${wrapProse(BUSY)}` : text;
}

/** One contender over another: the median of the ratios of the runs, and their range. */
function ratio(other: PeerFigures, all: readonly PeerFigures[], pick: (run: Run) => number, over = 'level'): string {
  const own = all.find(({ name }) => name === over)?.runs ?? [];
  const ratios = own.map((run, i) => pick(run) / pick(other.runs[i] as Run));
  const range = ratios.length < 2 ? '' : ` (${digits(Math.min(...ratios))}-${digits(Math.max(...ratios))})`;
  return `${digits(median(ratios))}${range}`;
}

/** The ratios at p50 alone, for a page that does not explain the rest. */
export function peerRatios(results: PeerResults): string {
  const { workloads } = results;
  const others = ['raw', 'lmdb', 'better-sqlite3', 'rocksdb'];
  return [
    `| lanestore / it, p50 of a round | ${workloads.map(({ workload }) => workload.id).join(' | ')} |`,
    `|---|${workloads.map(() => '---|').join('')}`,
    ...others.map((name) => {
      const cells = workloads.map(({ contenders }) => {
        const other = contenders.find((contender) => contender.name === name);
        return other === undefined ? '-' : ratio(other, contenders, ({ p50 }) => p50);
      });
      return `| ${[name, ...cells].join(' | ')} |`;
    }),
    '',
    conditions(results),
    '',
  ].join('\n');
}

/** The report: conditions, ratios, targets, and the figures of each contender. */
export function peersReport(results: PeerResults): string {
  const { workloads } = results;
  const ids = workloads.map(({ workload }) => workload.id);
  const names = workloads[0]?.contenders.map(({ name }) => name) ?? [];
  const head = (first: string) => [`| ${[first, ...ids].join(' | ')} |`, `|---|${ids.map(() => '---|').join('')}`];
  const table = (
    first: string,
    cell: (contender: PeerFigures, all: readonly PeerFigures[]) => string,
    without: readonly string[] = [],
  ) => [
    ...head(first),
    ...names
      .filter((name) => !without.includes(name))
      .map((name) => {
        const cells = workloads.map(({ contenders }) => {
          const found = contenders.find((contender) => contender.name === name);
          return found === undefined ? '-' : cell(found, contenders);
        });
        return `| ${[name, ...cells].join(' | ')} |`;
      }),
    '',
  ];
  return [
    conditions(results),
    '',
    ...table('level / it, p50', (other, all) => ratio(other, all, ({ p50 }) => p50), ['level']),
    ...table('level / it, p99', (other, all) => ratio(other, all, ({ p99 }) => p99), ['level']),
    ...table('raw / it, p50', (other, all) => ratio(other, all, ({ p50 }) => p50, 'raw'), NO_PEERS),
    wrapProse(FLOOR),
    '',
    ...table('p50 of a round, ms', ({ roundMs }) => digits(roundMs.p50.median)),
    ...table('CPU of the main thread a round, ms', ({ runs }) => {
      const measured = runs.flatMap(({ cpu }) => (cpu === undefined ? [] : [cpu]));
      return measured.length === 0 ? '-' : digits(median(measured));
    }),
    ...table('syncs a round', (contender) =>
      contender.syncsPerRound === null ? '-' : digits(contender.syncsPerRound, 2),
    ),
    targetsTable(workloads, PEER_TARGETS),
    ...(workloads[0]?.contenders ?? []).map(({ name, description }) =>
      wrapProse(`- **${name}**: ${description}`, '  '),
    ),
    ...results.skipped.map(({ name, reason }) => `- **${name}** did not run: ${reason}`),
    '',
  ].join('\n');
}
