/**
 * Everything that a node does with its stores, from the first open to the last inspection, as a
 * program that runs anywhere:
 *
 *   node scenario.js DIRECTORY STEP ...
 *
 * Prints a line of JSON for each step: `{"step": "level"}`, plus the `code`, `message` and `remedy`
 * of the error if the step failed.
 */
import { linkSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  exportState,
  importState,
  isLanestoreError,
  openLevel,
  openNoop,
  openView,
  openWal,
  type Persistence,
  snapshot,
  verify,
} from '../../src/index.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
  plainQC,
} from '../support/plain-model.js';

type PlainPersistence = Persistence<PlainBlock, PlainQC, PlainAnchor>;

const model = plain;
const ROUNDS = 12;
/** Large enough to wait for a value file. */
const BLOCK_BYTES = 600_000;

const [directory = '', ...steps] = process.argv.slice(2);
const [location, walLocation] = [join(directory, 'store'), join(directory, 'wal')];

function expect(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`not as expected: ${what}`);
}

/** Rounds with every kind of entry; the hooks must report every entry. */
async function fill(store: PlainPersistence, from: number): Promise<void> {
  const heard: string[] = [];
  for (let i = from; i < from + ROUNDS; i++) {
    const data = new Uint8Array(BLOCK_BYTES).fill(i);
    await store.persist(
      { blocks: [plainBlock('0a', i, data), plainBlock('0b', i)], commitQCs: [plainQC(i, { '0a': i })] },
      { block: ({ lane, number }) => heard.push(`${lane}/${number}`), commitQC: ({ index }) => heard.push(`${index}`) },
    );
    expect(heard.splice(0).sort().join() === [`0a/${i}`, `0b/${i}`, `${i}`].sort().join(), 'the hooks');
  }
  const index = from + ROUNDS - 4;
  await store.persist({ anchor: plainAnchor(index, { '0a': index }), inner: new Uint8Array([from]) });
}

/** Checks what {@link fill} stored. */
function checkRecovered(store: PlainPersistence, end: number): void {
  const { anchor, inner, blocks, commitQCs } = store.takeRecovered();
  const numbers = blocks.get('0a')?.map(({ number, data }) => `${number} ${data.length} ${data[0]}`);
  expect(anchor?.index === BigInt(end - 4), 'the anchor');
  expect(inner?.[0] === end - ROUNDS, 'the inner state');
  expect(
    numbers?.join() === [4, 3, 2, 1].map((n) => `${end - n} ${BLOCK_BYTES} ${end - n}`).join(),
    `blocks ${numbers}`,
  );
  expect(blocks.get('0b')?.length === end, 'blocks of the other lane');
  expect(commitQCs.length === 4, 'CommitQCs');
}

const STEPS: Readonly<Record<string, () => Promise<void>>> = {
  /** Calls that do not need LevelDB. */
  async none() {
    const store = await openNoop({ model });
    await store.persist({ blocks: [plainBlock('0a', 0)] });
    await store.close();
  },

  async level() {
    const store = await openLevel(location, { model });
    await fill(store, 0);
    const second = await openLevel(location, { model }).catch((error) => error);
    expect(isLanestoreError(second, 'LANESTORE_LOCKED'), `a second opener: ${second}`);
    await store.close();
    expect(readdirSync(join(location, 'values')).length > 0, 'values have files of their own');
    // A backup by hard links, while the store is open and before it is opened.
    const again = await openLevel(location, { model });
    checkRecovered(again, ROUNDS);
    linkSync(join(location, 'witness'), join(directory, 'witness-1'));
    await fill(again, ROUNDS);
    await again.close();
    linkSync(join(location, 'witness'), join(directory, 'witness-2'));
    const last = await openLevel(location, { model });
    checkRecovered(last, 2 * ROUNDS);
    await last.close();
  },

  async view() {
    await using view = await openView(location, { model });
    expect(view.findingsTotal === 0 && view.records > 0, `findings ${JSON.stringify(view.findings)}`);
    let read = 0;
    for await (const item of view.blocks('0a')) if ('entry' in item) read += item.entry.data.length;
    expect(read === 4 * BLOCK_BYTES, `${read} bytes of blocks`);
  },

  async verify() {
    const { findings, refusal, records } = await verify(location, { model });
    expect(findings.length === 0 && refusal === undefined && records > 0, JSON.stringify(findings));
  },

  async snapshot() {
    const target = join(directory, 'snapshot');
    await snapshot(location, target, { model });
    const store = await openLevel(target, { model });
    checkRecovered(store, 2 * ROUNDS);
    await store.close();
  },

  async wal() {
    const store = await openWal(walLocation, { model });
    await fill(store, 0);
    const second = await openWal(walLocation, { model }).catch((error) => error);
    expect(isLanestoreError(second, 'LANESTORE_LOCKED'), `a second opener: ${second}`);
    await store.close();
    const again = await openWal(walLocation, { model });
    checkRecovered(again, ROUNDS);
    await again.close();
  },

  async migrations() {
    await exportState(location, join(directory, 'exported'), 'wal-crc', { model, checks: {} });
    await importState(join(directory, 'exported'), join(directory, 'imported'), { model, checks: {} });
    const store = await openLevel(join(directory, 'imported'), { model });
    expect(store.takeRecovered().anchor?.index === BigInt(2 * ROUNDS - 4), 'the anchor');
    await store.close();
  },

  /** Opens the existing store and writes to it. */
  async reopen() {
    const store = await openLevel(location, { model });
    await store.persist({ blocks: [plainBlock('0c', store.cursors.lanes.get('0c')?.next ?? 0n)] });
    await store.close();
  },
};

async function main(): Promise<void> {
  for (const step of steps) {
    let said: object = { step };
    try {
      await STEPS[step]!();
    } catch (error) {
      const { code, message, remedy } = error as { code?: string; message: string; remedy?: string };
      said = { step, code: isLanestoreError(error) ? code : `no LANESTORE code: ${code}`, message, remedy };
    }
    writeSync(1, `${JSON.stringify(said)}\n`);
  }
}

void main();
