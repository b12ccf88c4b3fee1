/**
 * `lanestore demo`, also run by `npm start`: a child process stores the rounds of a recorded
 * network and is killed with SIGKILL; the demo then checks and shows what was recovered.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { openLevel } from '../adapter/level/index.js';
import { LanestoreError } from '../errors.js';
import { autobahn } from '../model/autobahn/index.js';
import { stderr } from './channel.js';
import { checkAcknowledged, checkComplete, checkSignatures, impliedBy } from './demo-checks.js';
import { acknowledgements, replayUntilKilled } from './demo-child.js';
import { fsyncsOf, showKeys, showLanes, showNext, showReplay } from './demo-report.js';
import { EXIT } from './exit-codes.js';
import { isTerminal, linesAreProgress, note, print, styled, writeJson } from './output.js';
import { rehearse, replay } from './replay-rounds.js';
import { type RecordedRound, readRounds } from './rounds-file.js';
import { shipped } from './shipped.js';
import { type Run, wholeNumber } from './verb.js';

/**
 * Rounds of 4 validators and 40 roads, recorded from the original. Not gzipped, because the
 * package's tarball is.
 */
const TRACE = 'test/fixtures/wal/rounds.jsonl';
const IN_FLIGHT = 3;
/**
 * Upper bound of kills. A kill without a round in flight (the round was durable before the signal)
 * is repeated.
 */
const ATTEMPTS_MAX = 5;

/** Runs `demo`. */
export const run: Run = async ([file = shipped(TRACE)], options) => {
  if (options.json === true) linesAreProgress();
  const paceMs = wholeNumber(options, 'pace-ms', 150, 0);
  const rounds: RecordedRound[] = [];
  for await (const round of readRounds(file)) rounds.push(round);
  if (rounds.length < 2)
    throw new LanestoreError('LANESTORE_INVALID', `${file} has ${rounds.length} rounds, too few to kill midway`);
  await rehearse(rounds);
  return demonstrate(file, rounds, freshLocation(), { paceMs, json: options.json === true });
};

async function demonstrate(
  file: string,
  rounds: RecordedRound[],
  location: string,
  { paceMs, json }: { readonly paceMs: number; readonly json: boolean },
): Promise<number> {
  const shown = relative(process.cwd(), location) || '.';
  const blocks = rounds.reduce((sum, round) => sum + round.blocks.length, 0);
  print(styled('bold', `lanestore: ${rounds.length} recorded rounds, ${blocks} blocks, into ${shown}/`));
  const failures: string[] = [];
  const checks: { check: string; ok: boolean; problems: readonly string[] }[] = [];
  const expect = (what: string, problems: readonly string[]) => {
    print(problems.length === 0 ? `  ${styled('green', 'ok')}    ${what}` : `  ${styled('red', 'FAIL')}  ${what}`);
    for (const problem of problems.slice(0, 5)) print(`        ${problem}`);
    for (const problem of problems) failures.push(problem);
    checks.push({ check: what, ok: problems.length === 0, problems });
  };

  print('\n1. A child process stores the rounds and is killed with SIGKILL');
  let acked = acknowledgements();
  const [, program = ''] = process.argv;
  let victim = Math.floor(rounds.length / 2);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++, victim++) {
    acked = await replayUntilKilled(
      { program, file, location, victim, inFlight: IN_FLIGHT, paceMs, onProgress: progress(rounds.length) },
      acked,
    );
    print(`  killed in round ${victim}: ${acked.durable.size} rounds acknowledged, ${acked.inFlight.length} in flight`);
    if (acked.inFlight.length > 0) break;
    print('  no round was in flight (it was durable before the signal): trying again');
  }

  print('\n2. The store is opened again');
  const store = await openLevel(location, { model: autobahn });
  try {
    const recovered = store.takeRecovered();
    const { records, checkMs, seq: batches } = store.recovery;
    print(`  ${records} records read and checked in ${checkMs.toFixed(1)} ms`);
    const { problems, survived } = checkAcknowledged(rounds, recovered, acked);
    print(`  ${IN_FLIGHT} at a time: ${fsyncsOf(Number(batches), survived)}`);
    const entries = acked.blocks.size + acked.commitQCs.size + acked.anchors.size;
    expect(`all ${entries} acknowledged entries were recovered, or pruned by an anchor`, problems);
    for (const round of acked.inFlight) {
      print(`        round ${round}, in flight: ${round <= survived ? 'recovered completely' : 'left no entry'}`);
    }
    expect('the kill hit a round in flight', acked.inFlight.length > 0 ? [] : ['every kill came too late']);

    print('\n3. The replay continues to the end');
    const begin = store.seq;
    let seq = begin;
    let written = 0;
    const durable = () => {
      if (store.seq > seq) written++;
      seq = store.seq;
    };
    const result = await replay(store, rounds, { inFlight: 1, paceMs: 0 }, { durable });
    showReplay(result, survived, written, Number(store.seq - begin));
  } finally {
    await store.close();
  }

  print('\n4. The store is opened a third time and compared with the recording');
  const reopened = await openLevel(location, { model: autobahn });
  try {
    const recovered = reopened.takeRecovered();
    const implied = impliedBy(rounds);
    expect(
      'every entry equals the recorded one, byte for byte, and no other exists',
      checkComplete(implied, recovered),
    );
    const { problems, signatures } = checkSignatures(recovered);
    expect(`${signatures} signatures and all payload and parent hashes are valid`, problems);
    showLanes(reopened.cursors);
    showKeys(location, recovered);
  } finally {
    await reopened.close();
  }
  showNext(shown);
  if (json) await writeJson({ location, rounds: rounds.length, blocks, checks });
  if (failures.length > 0) note(`${failures.length} checks failed`);
  return failures.length === 0 ? EXIT.ok : EXIT.damaged;
}

/** A location with an unused number, so that stores of earlier demos are not changed. */
function freshLocation(): string {
  const parent = resolve('lanestore-demo');
  mkdirSync(parent, { recursive: true });
  for (let number = 1; ; number++) {
    const location = join(parent, String(number));
    if (!existsSync(location)) return location;
  }
}

/** A progress line, on a terminal only. */
function progress(total: number): (durable: number) => void {
  if (!isTerminal()) return () => undefined;
  return (durable) =>
    void stderr.write(`\r  ${'#'.repeat(durable)}${'.'.repeat(total - durable)} ${durable}/${total}\r`);
}
