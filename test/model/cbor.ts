/** CBOR as the LevelDB backend writes and reads it. */
import { Encoder } from 'cbor-x';

const encoder = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });

/** `body` there and back. Byte strings alias the encoding, a plain Uint8Array. */
export function throughCbor(body: object): unknown {
  return encoder.decode(new Uint8Array(encoder.encode(body)));
}
