/**
 * `node .build/bench/experiments/profile.js [--dir DIR] [--out DIR] [--rounds N]
 * CONTENDER:WORKLOAD...`: profiles rounds with Node's sampling profiler. Only running rounds is
 * profiled, not making them. Writes `profile.json` to `--out`, and the profiles (`*.cpuprofile`,
 * for Chromium's developer tools) to `--dir`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { wholeOption } from '../../src/cli/script.js';
import { resultsDir } from '../args.js';
import { contenderOf } from '../contenders/index.js';
import { scratchRoot } from '../disk.js';
import { describeMachine } from '../machine.js';
import { otherThreadsCpuMs } from '../proc.js';
import { RoundSource } from '../rounds.js';
import { quickly, roundBlockBytes, workloadOf } from '../workload.js';
import { type Profile, type Profiles, profileTable } from './profile-page.js';

const SEED = 1;
const SAMPLE_US = 200;
/** Size of the rounds that are prepared and then profiled together. */
const CHUNK_BYTES = 64 * 1024 * 1024;
const DEFAULT = ['level:ii', 'level:v', 'level-inline:v', 'level-inline:vii'];

/**
 * A function belongs to the part of the first pattern that matches its file, else to the part of
 * its caller.
 */
const PARTS: readonly (readonly [RegExp, string])[] = [
  [/classic-level|abstract-level|node-gyp-build|adapter\/level\/engine/, 'handing the batch to LevelDB'],
  [/adapter\/level\/values/, 'value files'],
  [/adapter\/level\/(encode|record|cbor-writer|entry)|src\/model|src\/keys/, 'checking and encoding entries'],
  [/adapter\/(planner|planned|hooks|room)/, 'plan, hooks'],
  [/adapter\/level/, 'queue, batch, tip, witness'],
];
const WAITING = 'waiting: LevelDB and the disk';
const GARBAGE = 'garbage collection';
const OTHER = 'Node and the benchmark';

async function profile(name: string, rounds: number, dir: string): Promise<Profile> {
  const [contenderName = '', workloadId = ''] = name.split(':');
  const workload = quickly(workloadOf(workloadId));
  const source = new RoundSource(workload, SEED);
  const place = join(dir, name.replace(':', '-'));
  mkdirSync(place);
  const contender = await contenderOf(contenderName).open(place);
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  const parts: Record<string, number> = {};
  const spent = { ms: 0, othersMs: 0 };
  for (let round = 0; round < source.roundsToFill * 2; round++) await contender.prepare(source.next())();
  const chunk = Math.max(1, Math.floor(CHUNK_BYTES / roundBlockBytes(workload)));
  for (let round = 0; round < rounds; round += chunk) {
    const count = Math.min(chunk, rounds - round);
    const jobs = Array.from({ length: count }, () => contender.prepare(source.next()));
    await session.post('Profiler.start');
    const cpuMs = otherThreadsCpuMs();
    for (const job of jobs) spent.ms += (await job()).roundMs;
    spent.othersMs += otherThreadsCpuMs() - cpuMs;
    const { profile } = await session.post('Profiler.stop');
    writeFileSync(`${place}.cpuprofile`, JSON.stringify(profile));
    add(parts, profile);
  }
  session.disconnect();
  await contender.close();
  rmSync(place, { recursive: true, force: true });
  return scaled({ contender: contenderName, workload, rounds, parts, spent });
}

/**
 * Scales the parts to the measured round: samples between start and stop cover slightly more than
 * the rounds.
 */
function scaled(raw: {
  contender: string;
  workload: Profile['workload'];
  rounds: number;
  parts: Readonly<Record<string, number>>;
  spent: { ms: number; othersMs: number };
}): Profile {
  const { contender, workload, rounds, parts, spent } = raw;
  const roundMs = spent.ms / rounds;
  const total = Object.values(parts).reduce((sum, us) => sum + us, 0);
  const order = [...PARTS.map(([, part]) => part), GARBAGE, OTHER, WAITING];
  const shares = order.flatMap((part) => (parts[part] === undefined ? [] : [[part, (parts[part] / total) * roundMs]]));
  return {
    contender,
    workload,
    rounds,
    roundMs,
    parts: Object.fromEntries(shares),
    otherThreadsMs: spent.othersMs / rounds,
  };
}

/** Adds the microseconds of a profile to each part. */
function add(parts: Record<string, number>, { nodes, samples = [], timeDeltas = [] }: Profiler.Profile): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  for (const [i, sample] of samples.entries()) {
    const part = partOf(sample, byId, parents);
    parts[part] = (parts[part] ?? 0) + (timeDeltas[i] ?? 0);
  }
}

function partOf(
  sample: number,
  nodes: ReadonlyMap<number, Profiler.ProfileNode>,
  parents: ReadonlyMap<number, number>,
): string {
  const self = nodes.get(sample)?.callFrame.functionName;
  if (self === '(idle)') return WAITING;
  if (self === '(garbage collector)') return GARBAGE;
  for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
    const url = nodes.get(id)?.callFrame.url ?? '';
    const part = PARTS.find(([pattern]) => pattern.test(url))?.[1];
    if (part !== undefined) return part;
  }
  return OTHER;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: 'string' },
    out: { type: 'string', default: resultsDir },
    rounds: { type: 'string', default: '60' },
  },
});
const root = scratchRoot(values.dir);
const dir = mkdtempSync(join(root, 'profile-'));
const profiles: Profile[] = [];
const results: Profiles = { format: 1, startedAt: new Date().toISOString(), machine: describeMachine(root), profiles };
for (const name of positionals.length > 0 ? positionals : DEFAULT) {
  profiles.push(await profile(name, wholeOption('rounds', values.rounds, 1), dir));
}
mkdirSync(values.out, { recursive: true });
writeFileSync(join(values.out, 'profile.json'), `${JSON.stringify(results, null, 2)}\n`);
process.stdout.write(`${profileTable(results)}\nprofiles: ${dir}/*.cpuprofile\n`);
