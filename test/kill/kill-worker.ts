/**
 * A process that loads a store until it is killed:
 *
 *   node kill-worker.js LOCATION MODE SEED
 *
 * It prints immediately and in this order: `open DIGEST` of the recovered content; for the I-th
 * call, `hook I LANE NUMBER` per fired hook, also `qc I INDEX` and `anchor I INDEX`, and `done I`
 * when the call has resolved; `wrong ...` for an error.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openLevel } from '../../src/adapter/level/index.js';
import { isLanestoreError } from '../../src/errors.js';
import { plain } from '../support/plain-model.js';
import { Held, Load, MODES, type ModeName, type Op, storeOptions } from './load.js';

/** Calls in flight at a time: also the maximum number of unacknowledged calls that may survive. */
export const IN_FLIGHT = 8;

const [location = '', modeName = 'plain', seed = '1'] = process.argv.slice(2);
const mode = MODES[modeName as ModeName];

function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}

const store = await openLevel(location, { model: plain, ...storeOptions(modeName as ModeName) });
const held = Held.of(store.takeRecovered(), store.cursors);
say(`open ${createHash('sha256').update(held.text).digest('hex')}`);

function call(op: Op, i: number): Promise<void> {
  let hooks = 0;
  const report = (line: string) => {
    if (hooks++ % mode.hookEvery === 0) say(line);
  };
  const block = ({ lane, number }: { lane: string; number: bigint }) => report(`hook ${i} ${lane} ${number}`);
  const commitQC = ({ index }: { index: bigint }) => report(`qc ${i} ${index}`);
  switch (op.kind) {
    case 'persist':
      return store.persist(op.round, { block, commitQC, anchor: ({ index }) => report(`anchor ${i} ${index}`) });
    case 'lane':
      return store.blocks.maybePruneAndPersistLane(op.lane, op.anchorQC, op.blocks, block);
    case 'qcs':
      return store.commitQCs.maybePruneAndPersist(op.anchorQC, op.commitQCs, commitQC);
    case 'drop':
      return store.dropLanes(op.lanes);
  }
}

const load = new Load(Number(seed), modeName as ModeName, held.state);
const inFlight = new Set<Promise<void>>();
let drop: Promise<void> | undefined;
for (let i = 0; ; i++) {
  const op = load.next();
  if (op.kind === 'drop') await drop;
  while (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
  const settled: Promise<void> = call(op, i).then(
    () => {
      say(`done ${i}`);
      inFlight.delete(settled);
    },
    (error) => {
      say(`wrong ${i} ${error}`);
      process.exit(1);
    },
  );
  inFlight.add(settled);
  if (op.kind === 'drop') drop = settled;
  if (i % 20 === 7) {
    call(load.bad(), -1).then(
      () => say('wrong: a bad round was accepted'),
      (error) => {
        if (!isLanestoreError(error, 'LANESTORE_OUT_OF_SEQUENCE') && !isLanestoreError(error, 'LANESTORE_WRONG_LANE'))
          say(`wrong: ${error}`);
      },
    );
  }
}
