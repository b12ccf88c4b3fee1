/** Inner states of the protocol: valid content of an A/B file without a checksum. */
import { codecs, sign } from '../../src/model/autobahn/index.js';

const SECRET = new Uint8Array(32).fill(7);

/** A signed vote to give up on view 0 of the road index: different for each index. */
export function innerState(roadIndex: number): Uint8Array {
  const msg = { view: { index: BigInt(roadIndex), number: 0n } };
  const sig = sign(SECRET, { kind: 'timeoutVote', value: msg });
  return codecs.persistedInner.toWire({ timeoutVote: { vote: { msg, sig } } });
}
