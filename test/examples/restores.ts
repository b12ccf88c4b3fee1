/**
 * Runs the scenarios of the devnet's restore.ts on the unchanged build, and on builds that lack one
 * rule, in which the checker must find a violation. `npm run devnet:restores -- [RESTORES [ROWS]]`
 * prints a table: RESTORES is the number of scenarios of each of the first three rows, ROWS a
 * pattern of rows.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Patch, patchedBuild } from '../faults/weakened.js';
import { runWorker } from '../support/kill.js';

const MAIN = new URL('../../examples/devnet/main.js', import.meta.url);
const SNAPSHOT = 'src/adapter/level/view/snapshot.js';

/** A build that lacks a rule, and the options with which the devnet must find it. */
export interface WeakRestore extends Patch {
  readonly options: readonly string[];
}

/** Builds that each lack a rule on which restores depend. */
export const WEAK_RESTORES: readonly WeakRestore[] = [
  {
    name: 'snapshot without quarantine',
    options: [],
    replacements: [{ file: SNAPSHOT, find: 'votes: closedFor(', by: 'votes: ((votes) => votes)(' }],
  },
  {
    name: 'snapshot that is closed after the rename',
    options: [],
    replacements: [
      { file: SNAPSHOT, find: 'await found.engine.write(closed.operations);', by: '' },
      { file: SNAPSHOT, find: 'closed.tip.store, closed.tip.seq', by: 'found.tip.store, found.tip.seq' },
      {
        file: SNAPSHOT,
        find: 'await moveTo(place.from, place.to);',
        by: `await moveTo(place.from, place.to);
          const { amendStore } = await import('../open/amend-store.js');
          const late = ({ votes }) => ({ votes: closedFor(votes, 'late'), event: { event: 'late' } });
          await amendStore(place.to, { model }, late);`,
      },
    ],
  },
  {
    name: 'floors from peers that are one road lower',
    options: [],
    replacements: [{ file: 'src/model/autobahn/11419398f/bounds.js', find: '[next + 1n, 0n]', by: '[next, 0n]' }],
  },
  {
    name: 'signatures that leave before the sinks hold them',
    options: ['--sinks', 'before'],
    replacements: [{ file: 'src/guard/witness-quorum.js', find: "if (this.mode === 'before')", by: 'if (false)' }],
  },
  {
    name: 'sinks that are kept by store',
    // In the other scenarios a store is imported or handed over: the new store finds no record of
    // the key, and stays closed.
    options: ['--sinks', 'before', '--scenarios', 'set back,late copy,new store'],
    replacements: [
      {
        file: 'src/guard/sink-options.js',
        find: 'witnessKeyOf({ network }, signer) {\n    return { network: network, signer };',
        by: `witnessKeyOf({ network, store }, signer) {
    return { network: [network, Buffer.from(store.votes.newest.store).toString('hex')].join('-'), signer };`,
      },
      {
        file: 'src/guard/import-sinks.js',
        find: 'const { model, network, seq, dryRun = false } = options;',
        by: `const { model, seq, dryRun = false } = options;
    const looked = await openView(location, { model });
    const network = \`\${options.network}-\${hex(looked.tip.store)}\`;
    await looked.close();`,
      },
      {
        file: 'src/guard/import-sinks.js',
        find: 'await ask(options, signer, ',
        by: 'await ask({ ...options, network }, signer, ',
      },
    ],
  },
];

/** The outcome of a run. */
export interface Played {
  readonly code: number | null;
  readonly text: string;
  readonly violation: string | undefined;
}

/** Runs `restores` scenarios; ends at the first violation. */
export async function playRestores(
  options: readonly string[],
  { restores, kills, patch }: { readonly restores: number; readonly kills: number; readonly patch?: Patch },
): Promise<Played> {
  const build = patch === undefined ? undefined : patchedBuild(patch);
  const main = build === undefined ? MAIN : pathToFileURL(join(build, 'examples', 'devnet', 'main.js'));
  const args = ['--rounds', '1', '--kill', '--kills', `${kills}`, '--restore', `${restores}`];
  const seconds = 60 + 60 * restores;
  const { code, lines, stderr } = await runWorker(
    main,
    [...args, '--timeout', `${seconds}`, ...options],
    {},
    1000 * (seconds + 60),
  );
  if (build !== undefined) rmSync(build, { recursive: true });
  const violation = lines.find((line) => line.startsWith('VIOLATION: '))?.slice('VIOLATION: '.length);
  return { code, text: [...lines, stderr].join('\n'), violation };
}

const RESTORES = 24;

async function main(): Promise<number> {
  const restores = Number(process.argv[2] ?? RESTORES);
  const isWanted = (name: string) => new RegExp(process.argv[3] ?? '').test(name);
  let wrong = 0;
  const row = (...cells: unknown[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
  const shown = (name: string, options: readonly string[], { text, violation }: Played) => {
    const [, rounds, kills, done] = /^(\d+) rounds, (\d+) kills(?:, (\d+) restores)?/m.exec(text) ?? [];
    const [, handovers, refusals, releases, commands] =
      /^(\d+) handovers, (\d+) refusals, (\d+) releases, (\d+) commands killed/m.exec(text) ?? [];
    const [, failures] = /^(\d+) sink failures/m.exec(text) ?? [];
    // Prints the whole output, so that the reason can be found.
    if (violation === undefined && text.includes('FAILED: ')) process.stderr.write(`${text}\n`);
    const verdict = violation ?? /^FAILED: .*/m.exec(text)?.[0] ?? '0';
    row(
      name,
      options.join(' '),
      rounds,
      kills,
      commands,
      done ?? 0,
      handovers,
      refusals,
      releases,
      failures ?? '',
      verdict,
    );
  };
  row(
    ...'build,options,rounds,kills,commands killed,restores,handovers,refusals,releases,sink failures,violations'.split(
      ',',
    ),
  );
  row(...Array(11).fill('---'));
  for (const options of [[], ['--sinks', 'before'], ['--sinks', 'after']]) {
    if (!isWanted(`unchanged ${options.join(' ')}`)) continue;
    const played = await playRestores(options, { restores, kills: restores });
    if (played.code !== 0) wrong++;
    shown('unchanged', options, played);
  }
  for (const patch of WEAK_RESTORES) {
    if (!isWanted(patch.name)) continue;
    const played = await playRestores(patch.options, { restores: RESTORES, kills: 0, patch });
    if (played.violation === undefined) wrong++;
    shown(patch.name, patch.options, played);
  }
  return wrong === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
