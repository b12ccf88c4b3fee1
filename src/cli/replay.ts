/** `lanestore replay ROUNDS LOCATION` */
import { writeSync } from 'node:fs';
import { autobahn, openLevel } from '../index.js';
import { EXIT, print, toJson } from './output.js';
import { quantile, type ReplayObserver, replay } from './replaying.js';
import { readRounds } from './rounds-file.js';
import { type Verb, wholeNumber } from './verb.js';

/** The verb `replay`. */
export const replayVerb: Verb = {
  usage: 'ROUNDS LOCATION',
  summary: 'stores recorded rounds (JSON lines, plain or .gz), but what is stored already',
  help: [
    '--in-flight N   rounds that are submitted together, before the first is durable (4)',
    '--pace-ms N     milliseconds to wait before each such group (0)',
    '--acks          print a line for everything as it is submitted and becomes durable',
  ],
  options: { 'in-flight': { type: 'string' }, 'pace-ms': { type: 'string' }, acks: { type: 'boolean' } },
  positionals: [2, 2],
  async run([file = '', location = ''], options) {
    const inFlight = wholeNumber(options, 'in-flight', 4, 1);
    const paceMs = wholeNumber(options, 'pace-ms', 0, 0);
    const store = await openLevel(location, { model: autobahn, load: false });
    try {
      const seq = store.seq;
      const started = performance.now();
      const result = await replay(store, readRounds(file), { inFlight, paceMs }, options.acks === true ? acks : {});
      const seconds = (performance.now() - started) / 1000;
      const batches = Number(store.seq - seq);
      const [p50, p99] = [quantile(result.durableMs, 0.5), quantile(result.durableMs, 0.99)];
      if (options.json === true) {
        const { durableMs: _durableMs, ...counts } = result;
        print(toJson({ ...counts, seconds, batches, durableMs: { p50, p99 } }, 2));
        return EXIT.fine;
      }
      print(`${result.rounds} rounds in ${seconds.toFixed(2)} s: ${batches} synced batches`);
      print(`  blocks     ${result.blocks} stored, ${result.blocksSkipped} stored before`);
      print(`  CommitQCs  ${result.commitQCs}`);
      print(`  anchors    ${result.anchors}`);
      print(`  time to durable  p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms an entry`);
    } finally {
      await store.close();
    }
    return EXIT.fine;
  },
};

/** Written synchronously: a line that was printed stands for something that is durable, even if the next instruction is SIGKILL. */
const acks: ReplayObserver = {
  submitted: (round) => line(`submitted ${round}`),
  durable: (round) => line(`durable ${round}`),
  block: (lane, number) => line(`block ${lane} ${number}`),
  commitQC: (index) => line(`qc ${index}`),
  anchor: (index) => line(`anchor ${index}`),
};

function line(text: string): void {
  let rest = Buffer.from(`${text}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // A pipe whose reader is slow: stdout may be non-blocking.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
