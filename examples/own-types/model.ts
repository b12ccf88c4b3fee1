/** A node's own types and their model: the complete example of docs/embedding.md. */
import { Encoder } from 'cbor-x';
import { type EntryCodec, LanestoreError, laneIdOf, type Model } from '../../src/index.js';

/** A batch of items by one author. The author numbers batches from 0. Each author is a lane. */
export interface Batch {
  readonly author: Uint8Array;
  readonly sequence: bigint;
  readonly items: readonly Uint8Array[];
}

/** Proof that the network ordered, up to round `round`, each author's batches below `from`. */
export interface Certificate {
  readonly round: bigint;
  readonly from: readonly { readonly author: Uint8Array; readonly sequence: bigint }[];
}

/** Proof that the network executed a certificate. Batches below it are no longer needed. */
export interface Checkpoint {
  readonly stateHash: Uint8Array;
  readonly certificate: Certificate;
}

const AUTHOR_BYTES = 20;

function refuse(what: string): never {
  throw new LanestoreError('LANESTORE_INVALID', what);
}

/** The checks of all bodies: from the node, from disk and from the wire. */
export const is = {
  bytes: (value: unknown, what: string, length?: number): Uint8Array =>
    value instanceof Uint8Array && (length === undefined || value.length === length)
      ? new Uint8Array(value)
      : refuse(`${what} is not ${length ?? 'some'} bytes`),
  u64: (value: unknown, what: string): bigint =>
    typeof value === 'bigint' && value >= 0n && value < 2n ** 64n ? value : refuse(`${what} is not a 64-bit number`),
  list: <T>(value: unknown, what: string, item: (value: unknown) => T): T[] =>
    Array.isArray(value) ? value.map(item) : refuse(`${what} is not a list`),
  map: (value: unknown, what: string, ...keys: string[]): Record<string, unknown> =>
    typeof value === 'object' && value !== null && Object.keys(value).sort().join() === keys.sort().join()
      ? (value as Record<string, unknown>)
      : refuse(`${what} must have exactly ${keys.join(', ')}`),
};

/** Reads a batch. @throws LANESTORE_INVALID. */
export function batchOf(body: unknown): Batch {
  const { author, sequence, items } = is.map(body, 'batch', 'author', 'sequence', 'items');
  return {
    author: is.bytes(author, 'batch.author', AUTHOR_BYTES),
    sequence: is.u64(sequence, 'batch.sequence'),
    items: is.list(items, 'batch.items', (item) => is.bytes(item, 'batch.items[]')),
  };
}

function certificateOf(body: unknown): Certificate {
  const { round, from } = is.map(body, 'certificate', 'round', 'from');
  return {
    round: is.u64(round, 'certificate.round'),
    from: is.list(from, 'certificate.from', (item) => {
      const { author, sequence } = is.map(item, 'certificate.from[]', 'author', 'sequence');
      return { author: is.bytes(author, 'author', AUTHOR_BYTES), sequence: is.u64(sequence, 'sequence') };
    }),
  };
}

function checkpointOf(body: unknown): Checkpoint {
  const { stateHash, certificate } = is.map(body, 'checkpoint', 'stateHash', 'certificate');
  return { stateHash: is.bytes(stateHash, 'checkpoint.stateHash', 32), certificate: certificateOf(certificate) };
}

/** Plain CBOR: maps with text keys, byte strings, 64-bit integers for bigints. */
const cbor = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });

/** The one encoding of a value of plain objects, bytes, bigints and lists. */
export function encodeBody(body: object): Uint8Array {
  return new Uint8Array(cbor.encode(body));
}

/**
 * The types are plain objects of bytes and bigints, so an entry is its own body. The wire format is
 * the same CBOR.
 */
function codec<T extends object>(what: string, read: (body: unknown) => T): EntryCodec<T> {
  return {
    check: (entry) => void read(entry),
    toBody: (entry) => entry,
    fromBody: read,
    toWire: (entry) => new Uint8Array(cbor.encode(read(entry))),
    fromWire: (bytes) => {
      try {
        return read(cbor.decode(bytes));
      } catch (error) {
        throw error instanceof LanestoreError ? error : refuse(`the ${what} is not CBOR: ${error}`);
      }
    },
  };
}

/** The name is stored in every store. Change it whenever the bodies change. */
export const ledger: Model<Batch, Certificate, Checkpoint> = {
  name: 'ledger/1',
  block: {
    ...codec('batch', batchOf),
    lane: ({ author }) => laneIdOf(author),
    number: ({ sequence }) => sequence,
  },
  commitQC: {
    ...codec('certificate', certificateOf),
    index: ({ round }) => round,
    laneStarts: ({ from }) => from.map(({ author, sequence }) => [laneIdOf(author), sequence] as const),
  },
  anchor: {
    ...codec('checkpoint', checkpointOf),
    index: ({ certificate }) => certificate.round,
    commitQC: ({ certificate }) => certificate,
  },
};
