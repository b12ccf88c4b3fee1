/** `lanestore votes show|export|import` */
import { statSync } from 'node:fs';
import { formatHistory } from '../adapter/index.js';
import { exportHistory, forgetSinks, importHistory } from '../adapter/level/index.js';
import { LanestoreError } from '../errors.js';
import { importFromSinks } from '../guard/index.js';
import type { ImportHistoryReport, SinkImportReport } from '../index.js';
import { UsageError } from './command-error.js';
import { confirm } from './confirm.js';
import { EXIT } from './exit-codes.js';
import { checkFree, networkOf, readHistory, showHistory, writeHistory } from './history-file.js';
import { changedStoreAt, openViewAt, storeAt } from './locations.js';
import { print, toJson, write } from './output.js';
import { isPostgres } from './postgres-url.js';
import { withProtocol } from './protocols.js';
import { sinksIn } from './sinks-file.js';
import type { OptionValues, Run } from './verb.js';
import { showVotes, votesOf } from './votes.js';

/** Upper bound in characters of a log's name; the ids of Autobahn's lanes are longer. */
const LOG_CHARS_MAX = 32;

/** Runs `votes`. */
export const run: Run = async ([action = '', place = '', file], options) => {
  const sinks = typeof options.sinks === 'string' ? options.sinks : undefined;
  if (action === 'import' && file !== undefined && sinks === undefined) return importFrom(place, file, options);
  if (action === 'import' && file === undefined && sinks !== undefined) return importSinks(place, sinks, options);
  if (action === 'forget-sinks' && file === undefined) return forget(place, options);
  if (action === 'export' && file === undefined) return exportTo(place, options);
  if (action === 'show' && file === undefined) return show(place, options.json === true);
  throw new UsageError(
    'usage: lanestore votes show PLACE | export LOCATION | import LOCATION FILE | forget-sinks LOCATION',
  );
};

async function show(place: string, json: boolean): Promise<number> {
  const stat = isPostgres(place) ? undefined : statSync(place, { throwIfNoEntry: false });
  if (stat === undefined && !isPostgres(place)) {
    const remedy = 'name a store, or a file with a signing history';
    throw new LanestoreError('LANESTORE_NOT_A_STORE', `there is nothing at ${place}`, { remedy });
  }
  if (stat?.isDirectory() === false) {
    const history = await readHistory(place);
    if (json) await write(formatHistory(history));
    else showHistory(history);
    return EXIT.ok;
  }
  const votes = await withProtocol(place, async ({ model }) => {
    await using view = await openViewAt(place, { model });
    if (view.refusal !== undefined) throw view.refusal;
    return view.votes === undefined ? undefined : votesOf(view.votes);
  });
  if (json) print(toJson(votes ?? null, 2));
  else if (votes === undefined) print('a store of format 1 keeps no votes');
  else showVotes(votes, (name, text) => print(`  ${name.padEnd(10)} ${text}`));
  return EXIT.ok;
}

async function exportTo(location: string, options: OptionValues): Promise<number> {
  const network = networkOf(options);
  const { out } = options;
  if (typeof out === 'string') checkFree(out);
  const store = await storeAt(location);
  const history = await withProtocol(location, ({ model }) => exportHistory(store, { model, network }));
  if (typeof out !== 'string') await write(formatHistory(history));
  else {
    await writeHistory(out, history);
    if (options.json === true) await write(formatHistory(history));
    else showHistory(history);
  }
  return EXIT.ok;
}

async function importFrom(location: string, file: string, options: OptionValues): Promise<number> {
  const json = options.json === true;
  const decision = { network: networkOf(options), history: await readHistory(file) };
  const store = await changedStoreAt(location, options);
  const plan = await withProtocol(location, ({ model }) => importHistory(store, { ...decision, model, dryRun: true }));
  const isDry = options['dry-run'] === true;
  if (!json) showReport(plan, isDry ? 'would' : 'will');
  if (isDry) {
    if (json) print(toJson({ ...plan, dryRun: true }, 2));
    return EXIT.ok;
  }
  const claim =
    plan.opened.length > 0
      ? `You say: the store that wrote ${file} signs nothing any more, and there is one copy of ${location}.`
      : `${location} will sign nothing at or below what ${file} says.`;
  if (options.yes !== true) await confirm(claim);
  const report = await withProtocol(location, ({ model }) =>
    importHistory(store, { ...decision, model, seq: plan.seq }),
  );
  if (json) print(toJson({ ...report, dryRun: false }, 2));
  else print(`imported, and recorded in the store; opened: ${report.opened.join(', ') || 'no part'}`);
  return EXIT.ok;
}

async function importSinks(location: string, file: string, options: OptionValues): Promise<number> {
  const json = options.json === true;
  const decision = { network: networkOf(options), sinks: await sinksIn(file), ...signerOf(options) };
  const store = await changedStoreAt(location, options);
  const plan = await withProtocol(location, ({ model }) =>
    importFromSinks(store, { ...decision, model, dryRun: true }),
  );
  const isDry = options['dry-run'] === true;
  if (!json) {
    showSinks(plan);
    showReport(plan, isDry ? 'would' : 'will');
  }
  if (isDry) {
    if (json) print(toJson({ ...inJson(plan), dryRun: true }, 2));
    return EXIT.ok;
  }
  const claim =
    plan.opened.length > 0
      ? `You say: nothing that is not witnessed by these sinks signs with this key, and there is one copy of ${location}.`
      : `${location} will sign nothing at or below what the sinks hold; any other store of this key is fenced.`;
  if (options.yes !== true) await confirm(claim);
  const report = await withProtocol(location, ({ model }) =>
    importFromSinks(store, { ...decision, model, seq: plan.seq }),
  );
  if (json) print(toJson({ ...inJson(report), dryRun: false }, 2));
  else print(`imported, and recorded in the store; opened: ${report.opened.join(', ') || 'no part'}`);
  if (!json && report.pending !== undefined) print(`stays closed: ${report.pending}`);
  return EXIT.ok;
}

/**
 * The report for `--json`: the history as in its file, and by sink the batch that it holds, null if
 * it holds none, or why it did not answer.
 */
function inJson({ history, sinks, ...report }: SinkImportReport): object {
  const answers = [...sinks].map(([name, answer]) => [
    name,
    answer instanceof Error ? { error: answer.message } : (answer ?? null),
  ]);
  return { ...report, history: JSON.parse(formatHistory(history)), sinks: Object.fromEntries(answers) };
}

function signerOf({ signer }: OptionValues): { readonly signer?: Uint8Array } {
  if (signer === undefined) return {};
  if (typeof signer !== 'string' || !/^(?:[0-9a-f]{2}){1,128}$/.test(signer)) {
    throw new UsageError('--signer KEY must be the public key in lowercase hex');
  }
  return { signer: new Uint8Array(Buffer.from(signer, 'hex')) };
}

function showSinks({ sinks, history }: SinkImportReport): void {
  for (const [name, answer] of sinks) {
    const held = answer === undefined ? 'does not know the key' : `holds batch ${answer}`;
    print(`sink ${name} ${answer instanceof Error ? `did not answer: ${answer.message}` : held}`);
  }
  showHistory(history);
}

async function forget(location: string, options: OptionValues): Promise<number> {
  const { reason } = options;
  if (typeof reason !== 'string') throw new UsageError('--reason TEXT is missing');
  const store = await changedStoreAt(location, options);
  const plan = await withProtocol(location, ({ model }) => forgetSinks(store, { model, reason, dryRun: true }));
  const isDry = options['dry-run'] === true;
  const json = options.json === true;
  const names = plan.sinks.names.join(', ');
  if (!json) print(`${plan.location}, as of batch ${plan.seq}, ${isDry ? 'would' : 'will'} forget the sinks ${names}`);
  if (!isDry) {
    if (options.yes !== true)
      await confirm(`You say: ${names} are lost for good, and there is one copy of ${location}.`);
    await withProtocol(location, ({ model }) => forgetSinks(store, { model, reason, seq: plan.seq }));
  }
  if (json) print(toJson({ ...plan, dryRun: isDry }, 2));
  else if (!isDry) print('forgotten, and recorded in the store');
  return EXIT.ok;
}

function showReport({ location, seq, raised, opened, closed, pending }: ImportHistoryReport, verb: string): void {
  const lanes = raised.filter((name) => name.length > LOG_CHARS_MAX);
  const rows = [
    ...raised.filter((name) => !lanes.includes(name)),
    ...(lanes.length > 0 ? [`${lanes.length} lanes`] : []),
  ];
  print(`${location}, as of batch ${seq}`);
  print(`  ${verb} raise${' '.repeat(9 - verb.length)} ${rows.join(', ') || 'nothing'}`);
  print(`  ${verb} open${' '.repeat(10 - verb.length)} ${opened.join(', ') || 'nothing'}`);
  print(`  stays closed    ${closed.join(', ') || 'nothing'}`);
  if (pending !== undefined) print(`  because         ${pending}`);
}
