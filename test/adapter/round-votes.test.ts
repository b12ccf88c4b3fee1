/** How votes of a call are checked, placed and hashed. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf, placedVote } from '../../src/adapter/round-votes.js';
import { LanestoreError } from '../../src/errors.js';
import { autobahn, type Msg, messageHash } from '../../src/model/autobahn/index.js';
import { refuses } from '../model/refuses.js';
import { proposalMsg, timeoutMsg } from '../support/vote-messages.js';

const test = suite('votes of a round');

const msg = proposalMsg('prepareVote', 3, 2);
const { votes } = autobahn;

test('a vote is checked before it is placed', () => {
  const calls: string[] = [];
  const model = {
    ...votes,
    check: (vote: Msg) => void calls.push('check', String(votes.check(vote))),
    digest(vote: Msg) {
      calls.push('digest');
      return votes.digest(vote);
    },
    place(vote: Msg) {
      calls.push('place');
      return votes.place(vote);
    },
  } as never;
  assert.equal(placedVote(model, msg).digest, messageHash(msg));
  assert.equal(calls.splice(0), ['check', 'undefined', 'digest', 'place']);
  assert.equal(digestOf(model, msg), messageHash(msg));
  assert.equal(calls, ['check', 'undefined', 'digest']);
});

test('a check or a digest of its own counts in a model made of the votes of Autobahn', () => {
  const check = () => {
    throw new LanestoreError('LANESTORE_INVALID', 'not this one');
  };
  const digest = () => new Uint8Array(32).fill(1);
  refuses('LANESTORE_INVALID', 'not this one', () => placedVote({ ...votes, check } as never, msg));
  assert.equal(placedVote({ ...votes, digest } as never, msg).digest, digest());
  const contradiction = timeoutMsg(3, 2, 3);
  for (const model of [votes, { ...votes }, { ...votes, digest }])
    refuses('LANESTORE_INVALID', 'vote.latestPrepareQCViewNumber', () => placedVote(model as never, contradiction));
});

test('what is not a digest is LANESTORE_INVALID; a digest is copied', () => {
  for (const wrong of [undefined, 'x'.repeat(32), new Uint8Array(31), new Uint8Array(33)]) {
    const model = { ...votes, digest: () => wrong } as never;
    refuses('LANESTORE_INVALID', 'the digest of a vote is not 32 bytes', () => placedVote(model, msg));
  }
  const shared = new Uint8Array(32).fill(1);
  const placed = placedVote({ ...votes, digest: () => shared } as never, msg);
  shared.fill(2);
  assert.equal(placed.digest, new Uint8Array(32).fill(1));
});

test.run();
