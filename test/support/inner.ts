/** Inner states that the protocol knows: what an A/B file without a checksum may hold. */
import { codecs, sign } from '../../src/model/autobahn/index.js';

const SECRET = new Uint8Array(32).fill(7);

/** A signed vote to give up on view 0 of the road index: another one for each. */
export function innerState(roadIndex: number): Uint8Array {
  const msg = { view: { index: BigInt(roadIndex), number: 0n } };
  const sig = sign(SECRET, { kind: 'timeoutVote', value: msg });
  return codecs.persistedInner.toWire({ timeoutVote: { vote: { msg, sig } } });
}
