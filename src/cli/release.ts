/** `lanestore release LOCATION` */
import { isLaneId, type Position, type ReleaseReport, releaseStore, type VotePart } from '../index.js';
import { readCommittees } from '../migrations/index.js';
import { UsageError } from './command-error.js';
import { confirm } from './confirm.js';
import { EXIT } from './exit-codes.js';
import { changedStoreAt, TABLES_OPTIONS, tablesHelp } from './locations.js';
import { print, toJson } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { withProtocol } from './protocols.js';
import type { OptionValues, Verb } from './verb.js';

const PARTS: readonly VotePart[] = ['rounds', 'app', 'lanes', 'own'];

/** The verb `release`. */
export const releaseVerb: Verb = {
  usage: 'LOCATION --reason TEXT ...',
  summary: "lets a store's key sign again after a restore, an import or a migration",
  help: [
    'No node may run on LOCATION. It prints what it is about to do, and asks. A wrong answer makes the key sign twice:',
    'docs/signing-safety.md says what each option claims.',
    '--reason TEXT         why, for the record in the store',
    '--as-is               this is the last state of the key, and what it was copied from never runs again',
    '--floor NAME=N[,N]    or: how far the key may have signed, once a log (commit=7,3) and a lane (its id=41); with --open',
    '                      lanes are opened by a floor of each lane that the store holds, and of each other one voted in',
    '--from-peers          or: the floors that the answers of peers prove, kept by the running node; with --committee:',
    '                      the old signer had stopped before they answered, and none of them was restored itself',
    '--committee FILE      the public keys of all validators of now (a manifest lists them)',
    `--open PART[,PART]    the parts to open: ${PARTS.join(', ')}; with --as-is all that are closed,`,
    '                      with --from-peers all that the answers are enough for',
    '--signer KEY          the public key in hex, if none is bound to the store',
    ...tablesHelp(22),
    '--yes                 do not ask',
    '--dry-run             print what it would do, and do nothing; a node may run meanwhile',
    MODEL_HELP,
  ],
  options: {
    ...MODEL_OPTION,
    ...TABLES_OPTIONS,
    reason: { type: 'string' },
    'as-is': { type: 'boolean' },
    floor: { type: 'string', multiple: true },
    'from-peers': { type: 'boolean' },
    committee: { type: 'string' },
    open: { type: 'string' },
    signer: { type: 'string' },
    yes: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  },
  positionals: [1, 1],
  reads: 'store',
  takesPostgres: true,
  async run([location = ''], options) {
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
  },
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
  const part = PARTS.find((name) => name === text);
  if (part === undefined) throw new UsageError(`--open must name some of ${PARTS.join(', ')}, got "${text}"`);
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
