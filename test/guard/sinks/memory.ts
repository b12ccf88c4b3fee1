/** A sink in memory that a test can break, and the store of `support.ts` with such sinks. */
import type { SigningHistory } from '../../../src/adapter/index.js';
import { hex } from '../../../src/base/bytes.js';
import { LanestoreError } from '../../../src/errors.js';
import {
  checkPut,
  type WitnessClaim,
  type WitnessKey,
  type WitnessRecord,
  type WitnessSink,
} from '../../../src/guard/index.js';

const NO_RECORD: WitnessRecord = { epoch: 0n, holder: '', last: undefined };

/** What a sink keeps: survives its process. */
export type Records = Map<string, WitnessRecord>;

/** Does what the contract says; see the fields for what can go wrong. */
export class MemoryWitness implements WitnessSink {
  readonly name: string;
  records: Records;
  /** Called before each call; what it throws, or never ends, is what the sink does. */
  before: (call: 'read' | 'claim' | 'put') => Promise<void> | void = () => undefined;
  /** Calls so far. */
  readonly calls = { read: 0, claim: 0, put: 0 };

  constructor(name: string, records: Records = new Map()) {
    this.name = name;
    this.records = records;
  }

  async read(key: WitnessKey): Promise<WitnessRecord> {
    await this.begin('read');
    return this.records.get(this.nameOf(key)) ?? NO_RECORD;
  }

  async claim(key: WitnessKey, holder: string): Promise<WitnessRecord> {
    await this.begin('claim');
    const { epoch, last } = this.records.get(this.nameOf(key)) ?? NO_RECORD;
    const record = { epoch: epoch + 1n, holder, last };
    this.records.set(this.nameOf(key), record);
    return record;
  }

  async put(claim: WitnessClaim, history: SigningHistory): Promise<void> {
    await this.begin('put');
    const name = this.nameOf(history);
    const record = this.records.get(name) ?? NO_RECORD;
    if (!this.mayPut(record, claim, history)) return;
    this.records.set(name, { ...record, last: { epoch: claim.epoch, history } });
  }

  mayPut(record: WitnessRecord, claim: WitnessClaim, history: SigningHistory): boolean {
    return checkPut(record, claim, history);
  }

  /** The record of a key. */
  nameOf({ network, signer }: WitnessKey): string {
    return `${network} ${hex(signer)}`;
  }

  /** The last history of any key. */
  get last(): SigningHistory | undefined {
    return [...this.records.values()].at(-1)?.last?.history;
  }

  protected async begin(call: 'read' | 'claim' | 'put'): Promise<void> {
    this.calls[call]++;
    await this.before(call);
  }
}

/** A failure as of a network. */
export function down(): never {
  throw new LanestoreError('LANESTORE_IO', 'ECONNREFUSED');
}

/** Never ends. */
export function hangs(): Promise<never> {
  return new Promise(() => undefined);
}

/** Three sinks. */
export function three(): readonly [MemoryWitness, MemoryWitness, MemoryWitness] {
  return [new MemoryWitness('a'), new MemoryWitness('b'), new MemoryWitness('c')];
}
