/**
 * Time to durable of a block in the pipelined persist loop, compared with the same loop with one
 * round at a time, as in the original:
 *
 *   node .build/bench/experiments/pipeline.js [DIR]
 *
 * Both states are open at the same time, each with its own store, and take turns in short runs of
 * the same traffic. Blocks arrive one by one at a fixed pace, independent of the store. Signatures
 * are not verified, because they cost the same in both.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openLevel } from '../../src/adapter/level/index.js';
import { openWal } from '../../src/adapter/wal/index.js';
import { type AvailState, type NodeStore, openAvail } from '../../src/avail/index.js';
import { laneIdOf } from '../../src/keys/index.js';
import { autobahn, type CommitQC, type PruneAnchor, type SignedBlock } from '../../src/model/autobahn/index.js';
import { trustingNetwork } from '../../test/avail/support.js';
import { positionals } from '../args.js';
import { scratchRoot } from '../disk.js';
import { digits, median, percentile, spread } from '../stats.js';

/** The traffic. */
interface Workload {
  readonly lanes: number;
  readonly payloadBytes: number;
  /** Milliseconds between two blocks, of any lanes. */
  readonly gapMs: number;
}

const WORKLOADS: readonly Workload[] = [
  { lanes: 4, payloadBytes: 1024, gapMs: 0.5 },
  { lanes: 20, payloadBytes: 1024, gapMs: 0.3 },
  { lanes: 20, payloadBytes: 16 * 1024, gapMs: 1 },
];
const REPETITIONS = 21;
/** Roads per run, and blocks per lane that each road orders. */
const ROADS = 12;
const PER_ROAD = 2;
/** Number of roads by which the AppQC lags behind the CommitQC. */
const LAG = 2;
const MODES = { pipelined: {}, 'one at a time': { maxRounds: 1 } } as const;
type Mode = keyof typeof MODES;

/** One of the two states, with its pending traffic. */
class Side {
  readonly #cameAt = new Map<string, number>();
  /** Anchors of the roads that are not pruned yet. */
  readonly #anchors: PruneAnchor[] = [];
  /** By lane: the number of the next block to be timed. */
  readonly #timed = new Map<string, bigint>();
  #samples: number[] = [];
  #arrived!: () => void;
  #left = 0;

  constructor(
    readonly state: AvailState,
    readonly store: NodeStore,
  ) {
    void this.#listen().catch(() => undefined);
  }

  /** Submits the blocks; resolves with the milliseconds until each was durable. */
  async run(roads: readonly Road[], gapMs: number): Promise<number[]> {
    this.#samples = [];
    this.#left = roads.reduce((sum, { blocks }) => sum + blocks.length, 0);
    const all = new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
    let due = performance.now();
    for (const { blocks, qc, anchor } of roads) {
      for (const block of blocks) {
        while (performance.now() < due) await new Promise((resolve) => setImmediate(resolve));
        this.#cameAt.set(nameOf(block.block.header), performance.now());
        void this.state.pushBlock(block);
        due += gapMs;
      }
      void this.state.pushCommitQC(qc);
      this.#anchors.push(anchor);
    }
    await all;
    await this.state.flush();
    return this.#samples;
  }

  /**
   * Prunes a road only after its blocks were timed, because the state does not emit pruned blocks.
   */
  #prune(): void {
    while (this.#anchors.length > LAG) {
      const { appQC, commitQC } = this.#anchors[0] as PruneAnchor;
      if (commitQC.vote.laneRanges.some(({ lane, next }) => (this.#timed.get(laneIdOf(lane)) ?? 0n) < next)) return;
      this.#anchors.shift();
      void this.state.pushAppQC(appQC, commitQC);
    }
  }

  async #listen(): Promise<void> {
    const headers = this.state.headers();
    for (;;) {
      for (const header of await headers.receiveBatch()) {
        this.#samples.push(performance.now() - (this.#cameAt.get(nameOf(header)) ?? Number.NaN));
        this.#timed.set(laneIdOf(header.lane), header.blockNumber + 1n);
        if (--this.#left === 0) this.#arrived();
      }
      this.#prune();
    }
  }
}

/** The entries of one road. */
interface Road {
  readonly blocks: readonly SignedBlock[];
  readonly qc: CommitQC;
  readonly anchor: PruneAnchor;
}

function nameOf(header: SignedBlock['block']['header']): string {
  return `${laneIdOf(header.lane)}/${header.blockNumber}`;
}

async function measure(backend: 'level' | 'wal', { lanes, payloadBytes, gapMs }: Workload, dir: string): Promise<void> {
  const { net, committee } = trustingNetwork({ validators: lanes });
  const nextRoads = (): Road[] =>
    Array.from({ length: ROADS }, () => {
      const blocks = Array.from({ length: PER_ROAD }, () =>
        net.laneIds.map((_, place) => net.block(place, { payloadBytes })),
      ).flat();
      const qc = net.commitQC();
      return { blocks, qc, anchor: net.anchor(qc) };
    });
  const sides = new Map<Mode, Side>();
  for (const [mode, options] of Object.entries(MODES) as [Mode, { maxRounds?: number }][]) {
    const location = join(dir, `${backend}-${mode.replaceAll(' ', '-')}`);
    const store =
      backend === 'level'
        ? await openLevel(location, { model: autobahn })
        : await openWal(location, { model: autobahn });
    sides.set(mode, new Side(await openAvail({ store, committee, ...options }), store));
  }
  const figures = { pipelined: [] as number[][], 'one at a time': [] as number[][] };
  for (let repetition = 0; repetition <= REPETITIONS; repetition++) {
    const roads = nextRoads();
    const order = [...sides];
    if (repetition % 2 === 1) order.reverse();
    for (const [mode, side] of order) {
      const samples = await side.run(roads, gapMs);
      // The first run is the warm-up.
      if (repetition > 0) figures[mode].push(samples);
    }
  }
  for (const { state, store } of sides.values()) {
    await state.close();
    await store.close();
  }
  const at = (mode: Mode, share: number) => figures[mode].map((samples) => percentile(samples, share));
  const ratio = (share: number) => {
    const single = at('one at a time', share);
    const {
      median: middle,
      min,
      max,
    } = spread(at('pipelined', share).map((value, i) => value / (single[i] as number)));
    return `${digits(middle, 2)} (${digits(min, 2)} to ${digits(max, 2)})`;
  };
  const cells = [0.5, 0.99].flatMap((share) => [
    digits(median(at('pipelined', share))),
    digits(median(at('one at a time', share))),
    ratio(share),
  ]);
  process.stdout.write(
    `| ${backend} | ${lanes} lanes, ${payloadBytes / 1024} KiB, every ${gapMs} ms | ${cells.join(' | ')} |\n`,
  );
}

const [where] = positionals('node .build/bench/experiments/pipeline.js [DIR]');
const dir = mkdtempSync(join(scratchRoot(where), 'pipeline-'));
try {
  process.stdout.write(
    '| backend | blocks arrive | p50 pipelined, ms | p50 one at a time, ms | ratio | p99 pipelined, ms | p99 one at a time, ms | ratio |\n',
  );
  process.stdout.write('|---|---|---|---|---|---|---|---|\n');
  for (const backend of ['level', 'wal'] as const)
    for (const [i, workload] of WORKLOADS.entries()) await measure(backend, workload, join(dir, String(i)));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
