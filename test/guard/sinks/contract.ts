/** What every sink must do, for the sinks that ship and for those of tests. */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SigningHistory } from '../../../src/adapter/index.js';
import { isLanestoreError, type LanestoreErrorCode } from '../../../src/errors.js';
import type { WitnessKey, WitnessSink } from '../../../src/guard/index.js';

/** A history of a store. */
export function history(seq: bigint, more: Partial<SigningHistory> = {}): SigningHistory {
  return {
    ...{ model: 'plain', network: 'test', signer: new Uint8Array(32).fill(7), store: new Uint8Array(16).fill(1), seq },
    ...{ time: '2026-11-27T12:00:00.000Z', kind: 'sink', to: undefined },
    logs: new Map([['step', { watermark: { at: [seq, 0n], digest: new Uint8Array(32).fill(3) }, floor: undefined }]]),
    lanes: new Map([['0a', { last: seq, floor: undefined }]]),
    own: { lane: '0a', last: seq, hash: new Uint8Array(32).fill(4) },
    quarantine: undefined,
    inner: new Uint8Array([1, 2, 3]),
    sinks: { names: ['a'], quorum: 1, mode: 'before' },
    heirOf: [],
    ...more,
  };
}

/** Whose histories these are. */
export const KEY_OF_HISTORIES: WitnessKey = { network: 'test', signer: new Uint8Array(32).fill(7) };

/** The name of a claimant. */
export function holder(): string {
  return randomBytes(16).toString('hex');
}

export async function refused(code: LanestoreErrorCode, work: Promise<unknown>, text = /./): Promise<string> {
  const error = await work.then(
    () => assert.unreachable(`it was not refused with ${code}`),
    (thrown: unknown) => thrown,
  );
  if (!isLanestoreError(error, code)) throw error;
  assert.match(error.message, text);
  return error.message;
}

/** Never aborted. */
export const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);

/**
 * Adds the tests. `make` gives a sink that knows no key, and `again` another one of the same place.
 */
export function sinkContract(
  test: Test,
  make: () => Promise<{ readonly sink: WitnessSink; again(): WitnessSink; close?(): Promise<void> }>,
): void {
  const key = KEY_OF_HISTORIES;
  const on = (title: string, run: (sink: WitnessSink, again: () => WitnessSink) => Promise<void>) =>
    test(title, async () => {
      const { sink, again, close } = await make();
      try {
        await run(sink, again);
      } finally {
        await close?.();
      }
    });
  const claimed = async (sink: WitnessSink) => {
    const own = holder();
    const { epoch } = await sink.claim(key, own, NEVER);
    return { epoch, holder: own };
  };

  on('a key that it does not know has no record, and reading makes none', async (sink, again) => {
    assert.equal(await sink.read(key, NEVER), { epoch: 0n, holder: '', last: undefined });
    assert.equal(await again().read(key, NEVER), { epoch: 0n, holder: '', last: undefined });
  });

  on('claims raise the epoch by one, whoever makes them', async (sink, again) => {
    for (const [i, each] of [sink, again(), sink].entries()) {
      const own = holder();
      const record = await each.claim(key, own, NEVER);
      assert.equal(record, { epoch: BigInt(i + 1), holder: own, last: undefined });
      assert.equal(await again().read(key, NEVER), record);
    }
  });

  on('what was put comes back whole, to anyone', async (sink, again) => {
    const claim = await claimed(sink);
    for (const seq of [1n, 2n, 2n ** 64n - 1n]) {
      await sink.put(claim, history(seq), NEVER);
      const { last } = await again().read(key, NEVER);
      assert.equal(last, { epoch: claim.epoch, history: history(seq) });
    }
  });

  on('a batch that does not rise is refused; the same one again changes nothing', async (sink) => {
    const claim = await claimed(sink);
    await sink.put(claim, history(5n), NEVER);
    await refused('LANESTORE_OUT_OF_SEQUENCE', sink.put(claim, history(4n), NEVER), /batch 5/);
    await sink.put(claim, history(5n, { inner: undefined }), NEVER);
    const { last } = await sink.read(key, NEVER);
    assert.equal(last?.history, history(5n));
    const other = history(9n, { store: new Uint8Array(16).fill(2) });
    await refused('LANESTORE_OUT_OF_SEQUENCE', sink.put(claim, other, NEVER));
  });

  on('an older claim is fenced, and one with its number by another, too', async (sink, again) => {
    const first = await claimed(sink);
    await sink.put(first, history(5n), NEVER);
    const second = await claimed(again());
    await refused('LANESTORE_FENCED', sink.put(first, history(6n), NEVER));
    await refused('LANESTORE_FENCED', sink.put({ ...second, holder: holder() }, history(6n), NEVER));
    await refused('LANESTORE_OUT_OF_SEQUENCE', again().put(second, history(4n), NEVER));
    await again().put(second, history(5n, { inner: undefined }), NEVER);
    const { last } = await sink.read(key, NEVER);
    assert.equal(last, { epoch: 2n, history: history(5n, { inner: undefined }) }, 'a new claim writes its own');
    await again().put(second, history(6n), NEVER);
    await refused('LANESTORE_FENCED', sink.put(first, history(7n), NEVER));
  });

  on('with a new claim another store may begin anywhere', async (sink) => {
    await sink.put(await claimed(sink), history(50n), NEVER);
    const heir = history(3n, { store: new Uint8Array(16).fill(2) });
    await sink.put(await claimed(sink), heir, NEVER);
    assert.equal((await sink.read(key, NEVER)).last?.history, heir);
  });

  on('a claim that was never made is no fence', async (sink) => {
    await refused('LANESTORE_IO', sink.put({ epoch: 1n, holder: holder() }, history(1n), NEVER), /forgot/);
    const claim = await claimed(sink);
    await refused('LANESTORE_IO', sink.put({ ...claim, epoch: 2n }, history(1n), NEVER), /forgot/);
  });

  on('keys and networks have records of their own', async (sink) => {
    const claim = await claimed(sink);
    await sink.put(claim, history(1n), NEVER);
    for (const other of [
      { ...key, network: 'other' },
      { ...key, signer: new Uint8Array(32).fill(8) },
    ]) {
      assert.is((await sink.read(other, NEVER)).epoch, 0n);
    }
  });

  on('of many at once each claim has its own epoch, and one may put', async (sink, again) => {
    const sinks = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? sink : again()));
    const outcomes = await Promise.allSettled(
      sinks.map(async (each) => {
        const claim = await claimed(each);
        await each.put(claim, history(claim.epoch), NEVER);
        return claim.epoch;
      }),
    );
    const epochs = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    assert.is(new Set(epochs).size, epochs.length);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected' && !isLanestoreError(outcome.reason, 'LANESTORE_FENCED')) throw outcome.reason;
    }
    const { epoch, last } = await sink.read(key, NEVER);
    assert.ok(epochs.every((put) => put <= epoch));
    assert.ok(epochs.every((put) => put <= (last?.epoch ?? 0n)));
  });
}
