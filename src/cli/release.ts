/** `lanestore release LOCATION` */
import { releaseStore } from '../adapter/level/index.js';
import type { Position, ReleaseReport, VotePart } from '../index.js';
import { isLaneId } from '../keys/index.js';
import { readCommittees } from '../migrations/index.js';
import { UsageError } from './command-error.js';
import { confirm } from './confirm.js';
import { EXIT } from './exit-codes.js';
import { changedStoreAt } from './locations.js';
import { print, toJson } from './output.js';
import { withProtocol } from './protocols.js';
import type { OptionValues, Run } from './verb.js';
import { VOTE_PARTS } from './verbs/shared.js';

/** Runs `release`. */
export const run: Run = async ([location = ''], options) => {
  const decision = await decisionOf(options);
  const store = await changedStoreAt(location, options);
  const plan = await withProtocol(location, ({ model }) => releaseStore(store, { ...decision, model, dryRun: true }));
  const json = options.json === true;
  if (options['dry-run'] === true) {
    if (json) print(toJson({ ...plan, dryRun: true }, 2));
    else show(plan, 'would');
    return EXIT.ok;
  }
  if (!json) show(plan, 'will');
  if (options.yes !== true)
    await confirm(CLAIMS[options['as-is'] === true ? 'as-is' : options['from-peers'] === true ? 'peers' : 'floors']);
  const report = await withProtocol(location, ({ model }) =>
    releaseStore(store, { ...decision, model, seq: plan.seq }),
  );
  if (json) print(toJson({ ...report, dryRun: false }, 2));
  else print(`released, and recorded in the store: ${report.opened.join(', ') || 'no part'}`);
  return EXIT.ok;
};

async function decisionOf(options: OptionValues) {
  const { reason, open, signer } = options;
  if (typeof reason !== 'string') throw new UsageError('--reason TEXT is missing: it is kept in the store');
  const asIs = options['as-is'] === true;
  const given = (options.floor ?? []) as unknown as readonly string[];
  const isPeers = options['from-peers'] === true;
  if ([asIs, given.length > 0, isPeers].filter(Boolean).length !== 1)
    throw new UsageError('give one of --as-is, --from-peers, and --floor NAME=N[,N] for all that was signed');
  if (isPeers !== (typeof options.committee === 'string'))
    throw new UsageError('--from-peers and --committee FILE go together');
  const floors = given.map(floorOf);
  // Refused: the lower of two floors of one log would be unsafe, and the higher one may be a
  // mistake.
  const twice = floors.find(([name], i) => floors.findIndex(([before]) => before === name) < i);
  if (twice !== undefined) throw new UsageError(`--floor names ${twice[0]} twice: give one floor for it`);
  return {
    reason,
    ...(asIs ? { asIs } : isPeers ? { peers: await peersOf(String(options.committee)) } : { floors: new Map(floors) }),
    ...(typeof open === 'string' ? { open: open.split(',').map(partOf) } : {}),
    ...(typeof signer === 'string' ? { signer: keyOf(signer) } : {}),
  };
}

async function peersOf(file: string): Promise<{ validators: readonly Uint8Array[] }> {
  const { terms } = await readCommittees(file);
  return { validators: terms.at(-1)?.committee.keys ?? [] };
}

function floorOf(text: string): [string, Position | bigint] {
  const [, name = '', numbers = ''] = /^([0-9a-z-]+)=(\d{1,20}(?:,\d{1,20}){0,2})$/.exec(text) ?? [];
  if (name === '') throw new UsageError(`--floor must be NAME=N[,N], e.g. commit=7,3, got "${text}"`);
  const position = numbers.split(',').map(BigInt);
  return [name, isLaneId(name) && position.length === 1 ? position[0]! : position];
}

function partOf(text: string): VotePart {
  const part = VOTE_PARTS.find((name) => name === text);
  if (part === undefined) throw new UsageError(`--open must name some of ${VOTE_PARTS.join(', ')}, got "${text}"`);
  return part;
}

function keyOf(text: string): Uint8Array {
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(text)) throw new UsageError('--signer must be a public key in hex');
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function show(report: ReleaseReport, verb: string): void {
  const { location, seq, why, signer, opened, closed, pending, logs, laneFloors } = report;
  print(`${location}, as of batch ${seq}`);
  print(`  closed because  ${why ?? 'no key is bound to it'}`);
  print(`  the key         ${toJson(signer).slice(1, -1)}`);
  print(`  ${verb} open${' '.repeat(10 - verb.length)} ${opened.join(', ') || 'nothing'}`);
  print(`  stays closed    ${closed.join(', ') || 'nothing'}`);
  for (const [part, reason] of pending ?? []) if (closed.includes(part)) print(`  not ${part.padEnd(11)} ${reason}`);
  for (const [log, { watermark, floor }] of logs) {
    const last = watermark === undefined ? 'nothing given' : `last at ${watermark.at.join(', ')}`;
    print(
      `  log ${log.padEnd(11)} ${last}; ${floor === undefined ? 'no floor' : `nothing at or below ${floor.join(', ')}`}`,
    );
  }
  for (const [lane, floor] of laneFloors) print(`  lane ${lane}: nothing at or below block ${floor}`);
}

/** The statement that the operator confirms for each kind of decision. */
const CLAIMS = {
  'as-is': 'You say: this is the last state of the key, and what it was copied from will never run again.',
  floors: 'You say: the key signed nothing above these floors, and nothing that has it runs.',
  peers: 'You say: whatever signed with the key had stopped for good before the peers answered.',
} as const;
