/** How votes of a call are checked, placed and hashed. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf, placedVote } from '../../src/adapter/round-votes.js';
import { autobahn, type Msg, messageHash } from '../../src/model/autobahn/index.js';
import { refuses } from '../model/refuses.js';
import { proposalMsg } from '../support/vote-messages.js';

const test = suite('votes of a round');

const msg = proposalMsg('prepareVote', 3, 2);
const { votes } = autobahn;

/** The votes of Autobahn; each call of the model is noted. */
function noting(calls: string[], { withCheckedDigest }: { withCheckedDigest: boolean }) {
  const note = <T>(name: string, result: T): T => {
    calls.push(name);
    return result;
  };
  const { checkedDigest: _, ...plain } = votes;
  const model = {
    ...plain,
    check: (vote: Msg) => note('check', votes.check(vote)),
    digest: (vote: Msg) => note('digest', votes.digest(vote)),
    place: (vote: Msg) => note('place', votes.place(vote)),
  };
  if (!withCheckedDigest) return model;
  return { ...model, checkedDigest: (vote: Msg) => note('checkedDigest', votes.digest(vote)) };
}

test('a vote is checked before it is placed, in one pass with its digest if the model can', () => {
  for (const [withCheckedDigest, expected] of [
    [false, ['check', 'digest', 'place']],
    [true, ['checkedDigest', 'place']],
  ] as const) {
    const calls: string[] = [];
    const model = noting(calls, { withCheckedDigest }) as never;
    assert.equal(placedVote(model, msg).digest, messageHash(msg));
    assert.equal(calls, expected);
    assert.equal(digestOf(model, msg), messageHash(msg));
  }
});

test('what is not a digest is LANESTORE_INVALID; a digest is copied', () => {
  for (const wrong of [undefined, 'x'.repeat(32), new Uint8Array(31), new Uint8Array(33)]) {
    const model = { ...votes, checkedDigest: () => wrong } as never;
    refuses('LANESTORE_INVALID', 'the digest of a vote is not 32 bytes', () => placedVote(model, msg));
  }
  const shared = new Uint8Array(32).fill(1);
  const placed = placedVote({ ...votes, checkedDigest: () => shared } as never, msg);
  shared.fill(2);
  assert.equal(placed.digest, new Uint8Array(32).fill(1));
});

test.run();
