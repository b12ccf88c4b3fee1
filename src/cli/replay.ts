/** `lanestore replay ROUNDS LOCATION` */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openLevel } from '../adapter/level/index.js';
import { LanestoreError } from '../errors.js';
import { autobahn } from '../model/autobahn/index.js';
import { stdout } from './channel.js';
import { EXIT } from './exit-codes.js';
import { print, toJson } from './output.js';
import { quantile, type ReplayObserver, rehearse, replay } from './replay-rounds.js';
import { type RecordedRound, readRounds } from './rounds-file.js';
import { type Run, wholeNumber } from './verb.js';

/** Runs `replay`. */
export const run: Run = async ([file = '', location = ''], options) => {
  const inFlight = wholeNumber(options, 'in-flight', 4, 1);
  const paceMs = wholeNumber(options, 'pace-ms', 0, 0);
  const rounds = readRounds(file);
  const head = await headOf(rounds, file);
  if (!existsSync(join(location, 'level'))) await rehearse(head);
  const store = await openLevel(location, { model: autobahn, load: false });
  try {
    const seq = store.seq;
    const started = performance.now();
    const result = await replay(store, joined(head, rounds), { inFlight, paceMs }, options.acks === true ? acks : {});
    const seconds = (performance.now() - started) / 1000;
    const batches = Number(store.seq - seq);
    const [p50, p99] = [quantile(result.durableMs, 0.5), quantile(result.durableMs, 0.99)];
    if (options.json === true) {
      const { durableMs: _durableMs, ...counts } = result;
      print(toJson({ ...counts, seconds, batches, durableMs: { p50, p99 } }, 2));
      return EXIT.ok;
    }
    print(`${result.rounds} rounds in ${seconds.toFixed(2)} s: ${batches} synced batches`);
    print(`  blocks     ${result.blocks} stored, ${result.blocksSkipped} stored before`);
    print(`  CommitQCs  ${result.commitQCs}`);
    print(`  anchors    ${result.anchors}`);
    print(`  time to durable  p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms an entry`);
  } finally {
    await store.close();
  }
  return EXIT.ok;
};

/**
 * Writes synchronously, so that no acknowledgement is lost if the process is killed right
 * afterwards.
 */
const acks: ReplayObserver = {
  submitted: (round) => line(`submitted ${round}`),
  durable: (round) => line(`durable ${round}`),
  block: (lane, number) => line(`block ${lane} ${number}`),
  commitQC: (index) => line(`qc ${index}`),
  anchor: (index) => line(`anchor ${index}`),
};

function line(text: string): void {
  stdout.writeNow(`${text}\n`);
}

/**
 * The rounds up to the first that contains an anchor, a CommitQC or a block.
 * @throws LANESTORE_INVALID if no round does, and the errors of `readRounds`.
 */
async function headOf(rounds: AsyncIterator<RecordedRound, void>, file: string): Promise<RecordedRound[]> {
  const head: RecordedRound[] = [];
  for (;;) {
    const { value: round } = await rounds.next();
    if (round === undefined) throw new LanestoreError('LANESTORE_INVALID', `${file} contains nothing to store`);
    head.push(round);
    if (round.anchor !== undefined || round.commitQCs.length + round.blocks.length > 0) return head;
  }
}

async function* joined(head: readonly RecordedRound[], rest: AsyncIterable<RecordedRound>) {
  yield* head;
  yield* rest;
}
