/** The report as Markdown: an overview, the targets, and one table per workload. */

import { wrapProse } from '../test/support/wrap.js';
import { TURN_MS_GOAL } from './longest-turn.js';
import type { ContenderResult, Results, Syncs, WorkloadResult } from './results.js';
import { digits, type Spread } from './stats.js';
import { targetsTable } from './targets.js';
import { describe } from './workload.js';

const KIB = 1024;
const MIB = KIB * KIB;
/** Blocks of at least this size may go to value files. */
const LARGE_BLOCK_BYTES = 8 * KIB;

/** The whole report; `plots` are files in the same directory. */
export function toMarkdown(results: Results, plots: readonly string[]): string {
  return [
    '# Benchmark',
    '',
    runFacts(results),
    overview(results),
    '## Targets',
    '',
    targetsTable(results.workloads),
    ...plots.map((plot) => `![${plot}](${plot})\n`),
    workloadTables(results, '##'),
    ...(results.damaged === undefined ? [] : ['## Damaged directories', '', damagedTable(results)]),
    '## Contenders',
    '',
    contenderList(results),
  ].join('\n');
}

/** Time, machine and settings of the run. */
export function runFacts(results: Results): string {
  const { machine } = results;
  const others = results.othersCores === null ? 'an unknown number of' : digits(results.othersCores, 2);
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB of memory`;
  return [
    wrapProse(
      `${results.startedAt}, ${digits(results.seconds)} s, ` +
        `${results.quick ? 'a quick run: few rounds, barely warm code, wide spreads' : 'a full run'}, ` +
        `seed ${results.seed}, ${results.repetitions} repetitions.`,
    ),
    '',
    wrapProse(
      `- CPU: ${machine.cpu}, ${machine.cores} cores; ${memory}; load before the run ${digits(machine.loadBefore, 2)}; ` +
        `other processes kept ${others} cores busy during it`,
      '  ',
    ),
    wrapProse(
      `- disk: ${machine.disk}, ${machine.fileSystem} (${machine.mountOptions})` +
        `${machine.inMemory ? ' **in memory: syncs cost nothing, the results are meaningless**' : ''}`,
      '  ',
    ),
    `- ${machine.kernel}, Node ${machine.node}`,
    ...(isBusy(results) ? ['', BUSY] : []),
    '',
  ].join('\n');
}

/** The short answer: this store compared with the original's WAL. */
export function answerTable({ startedAt, machine, workloads }: Results): string {
  const rows = workloads.flatMap(({ workload, contenders }) => {
    const [store, original] = ['level', 'go-wal'].map((name) =>
      contenders.find((contender) => contender.name === name),
    );
    if (store === undefined || original === undefined) return [];
    return [{ workload, store, original, lead: original.roundMs.p50.median / store.roundMs.p50.median }];
  });
  if (rows.length === 0) return 'Not measured: the original needs Go.\n';
  const leads = rows.map(({ lead }) => lead);
  const restart = ({ restartMs }: ContenderResult) => (restartMs === null ? '-' : digits(restartMs.median));
  const mebibytes = ({ diskBytes }: ContenderResult) => digits(diskBytes / MIB);
  return [
    wrapProse(
      `**The LevelDB store makes a round durable ${digits(Math.min(...leads), 2)} to ${digits(Math.max(...leads), 2)} times as fast ` +
        `as the original's segment-file WAL in Go** (p50; ${machine.cores} cores, ${machine.fileSystem.split(' ')[0]}, ${startedAt.slice(0, 10)}). ` +
        'The WAL restarts faster and takes less space on disk.',
    ),
    '',
    '| workload | store, ms | WAL in Go, ms | WAL / store | restart, ms: store, WAL | disk, MiB: store, WAL |',
    '|---|---|---|---|---|---|',
    ...rows.map(({ workload, store, original, lead }) => {
      const [mine, its] = [store, original].map(({ roundMs }) => digits(roundMs.p50.median));
      const cells = [describe(workload), `**${mine}**`, its, digits(lead)];
      return `| ${[...cells, `${restart(store)}, ${restart(original)}`, `${mebibytes(store)}, ${mebibytes(original)}`].join(' | ')} |`;
    }),
    '',
  ].join('\n');
}

/**
 * Ratios of the store to the floor, to raw LevelDB and to lanestore's WAL, as ranges over the
 * measured workloads.
 */
export function comparison({ workloads }: Results): string {
  const isLarge = ({ workload }: WorkloadResult) => workload.blockBytes >= LARGE_BLOCK_BYTES;
  const ratios = (over: string, under: string, some: readonly WorkloadResult[]) => {
    const found = some.flatMap(({ contenders }) => {
      const [a, b] = [over, under].map(
        (name) => contenders.find((contender) => contender.name === name)?.roundMs.p50.median,
      );
      return a === undefined || b === undefined ? [] : [a / b];
    });
    if (found.length === 0) return 'not measured';
    return `${digits(Math.min(...found), 2)} to ${digits(Math.max(...found), 2)}`;
  };
  const [small, large] = [workloads.filter((result) => !isLarge(result)), workloads.filter(isLarge)];
  const row = (what: string, over: string, under: string) =>
    `| ${what} | ${ratios(over, under, small)} | ${ratios(over, under, large)} |`;
  return [
    '| p50 over p50 | blocks of 1 KiB | blocks of 64 KiB to 1 MiB |',
    '|---|---|---|',
    row('store over the floor', 'level', 'limit'),
    row('store over raw classic-level', 'level', 'raw'),
    row('`openWal` over the WAL in Go', 'wal', 'go-wal'),
    row('`openWal` without directory syncs over the WAL in Go', 'wal-nodirsync', 'go-wal'),
    '',
  ].join('\n');
}

/** The p50 of a round of every contender on every workload. */
export function overview({ workloads }: Results): string {
  const names = [...new Set(workloads.flatMap(({ contenders }) => contenders.map(({ name }) => name)))];
  const rows = workloads.map(({ workload, contenders }) => {
    const cells = names.map((name) => {
      const result = contenders.find((contender) => contender.name === name);
      const figure = result === undefined ? '-' : digits(result.roundMs.p50.median);
      return name === 'level' ? `**${figure}**` : figure;
    });
    return `| ${[describe(workload), ...cells].join(' | ')} |`;
  });
  return [
    `| p50 of a round, ms | ${names.join(' | ')} |`,
    `|---|${names.map(() => '---|').join('')}`,
    ...rows,
    '',
  ].join('\n');
}

/** All results: one table per workload, under headings that begin with `heading`. */
export function workloadTables({ workloads }: Results, heading: string): string {
  return [
    wrapProse(
      'Each number is the median of the repetitions; the lowest and the highest are in brackets. Contenders take turns in slices, each ' +
        'in its own process. First / last: p50 of the time until the first and the last block of a round were durable. Written: bytes ' +
        'of all write calls per round, including compactions (a short run may contain none). Amplification: written bytes divided by ' +
        'the wire bytes of the entries. Restart: open and load in a fresh process, files in the page cache. RSS: the whole process of ' +
        'the contender, including Node and the generator of rounds, except for go-wal. CPU: per round, including background threads, ' +
        'excluding the generation of the round.',
    ),
    ...(workloads.some(({ contenders }) => contenders.some(({ turnMsMax }) => turnMsMax !== undefined))
      ? [
          wrapProse(
            'Longest turn: the longest single turn of the event loop, including garbage collection, over all rounds and over all restarts.',
          ),
        ]
      : []),
    '',
    ...workloads.flatMap((workload) => section(workload, heading)),
  ].join('\n');
}

/** A warning for results of a busy machine. */
export const BUSY =
  '**The machine was busy with other work: times are too high and ratios are unreliable. Run again when it is idle.**';

/** Other work of up to a tenth of a core has no visible effect on the results. */
export function isBusy({ machine, othersCores }: Pick<Results, 'machine' | 'othersCores'>): boolean {
  return machine.loadBefore > machine.cores / 2 || (othersCores ?? 0) > 0.1;
}

const COLUMNS =
  'rounds | p50 ms | p99 ms | max ms | first / last ms | / limit | / raw | go-wal / it | syncs | KiB written | amplif. | disk MiB | restart ms | RSS MiB | CPU ms'.split(
    ' | ',
  );
const TURNS_COLUMN = 'longest turn ms, rounds / restart';

function section({ workload, entryBytes, contenders, skipped, complaints }: WorkloadResult, heading: string): string[] {
  const { block, commitQC, anchor } = entryBytes;
  const hasTurns = contenders.some(({ turnMsMax }) => turnMsMax !== undefined);
  const columns = hasTurns ? [...COLUMNS, TURNS_COLUMN] : COLUMNS;
  return [
    `${heading} ${describe(workload)}`,
    '',
    `On the wire: block ${block}, CommitQC ${commitQC}, anchor ${anchor} bytes.`,
    '',
    `| | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---|').join('')}`,
    ...contenders.map((contender) => row(contender, hasTurns)),
    '',
    ...skipped.map(({ name, reason }) => `${name} did not run: ${reason}.`),
    ...complaints.map((complaint) => `**${complaint}**`),
    ...(skipped.length + complaints.length > 0 ? [''] : []),
  ];
}

function row(result: ContenderResult, hasTurns: boolean): string {
  const { roundMs, firstBlockMs, lastBlockMs, overGoWal } = result;
  const cells = [
    result.name,
    result.rounds,
    range(roundMs.p50),
    range(roundMs.p99),
    digits(roundMs.max.max),
    `${digits(firstBlockMs.p50.median)} / ${digits(lastBlockMs.p50.median)}`,
    ratio(result.overLimit),
    ratio(result.overRaw),
    ratio(overGoWal === null ? null : 1 / overGoWal),
    syncs(result.syncs),
    digits(result.writtenBytesPerRound / KIB),
    digits(result.writeAmplification),
    digits(result.diskBytes / MIB),
    result.restartMs === null ? '-' : range(result.restartMs),
    digits(result.rssBytes / MIB),
    digits(result.cpuMsPerRound),
    ...(hasTurns ? [turns(result)] : []),
  ];
  return `| ${cells.join(' | ')} |`;
}

function turns({ turnMsMax }: ContenderResult): string {
  return [turnMsMax?.rounds, turnMsMax?.restart].map((spread) => (spread ? digits(spread.max) : '-')).join(' / ');
}

function range({ median, min, max }: Spread): string {
  return min === max ? digits(median) : `${digits(median)} (${digits(min)}-${digits(max)})`;
}

function ratio(value: number | null): string {
  return value === null ? '-' : digits(value);
}

function syncs(counts: Syncs | null): string {
  if (counts === null) return '-';
  return counts.how === 'strace' ? digits(counts.perRound) : `${digits(counts.perRound)} (derived)`;
}

/** Bold for a turn above the goal. */
function emphasized(turnMs: number): string {
  return turnMs > TURN_MS_GOAL ? `**${digits(turnMs)}**` : digits(turnMs);
}

/** The table of damaged directories: time to open, and longest turn. */
export function damagedTable({ damaged }: Results): string {
  if (damaged === undefined) return 'Not measured yet: npm run bench.\n';
  const rows = damaged.map(
    ({ what, bytes, outcome, openMs, turnMsMax }) =>
      `| ${[what, digits(bytes / MIB), outcome, digits(openMs), emphasized(turnMsMax)].join(' | ')} |`,
  );
  return [
    '| | MiB | outcome | open ms | longest turn ms |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    `A turn of the event loop should take ${TURN_MS_GOAL} ms at most; longer ones are in bold.`,
    '',
  ].join('\n');
}

/** A list of the contenders with their descriptions. */
export function contenderList(results: Results): string {
  const all = new Map<string, string>();
  for (const { contenders } of results.workloads) {
    for (const { name, description } of contenders) all.set(name, description);
  }
  return [...[...all].map(([name, description]) => wrapProse(`- **${name}**: ${description}`, '  ')), ''].join('\n');
}
