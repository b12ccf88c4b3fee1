/** CBOR in the encoding of the LevelDB backend. */
import { Encoder } from 'cbor-x';

const encoder = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });

/** Encodes and decodes `body`. Byte strings alias the encoding, a plain Uint8Array. */
export function throughCbor(body: object): unknown {
  return encoder.decode(new Uint8Array(encoder.encode(body)));
}
