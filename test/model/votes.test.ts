/**
 * The votes of Autobahn at 11419398f: the place of each message, the votes that it excludes, and
 * the signed bytes.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isLanePlace } from '../../src/adapter/round-votes.js';
import { isLanestoreError } from '../../src/errors.js';
import { ENTRY_NUMBER_MAX, laneIdOf, U64_MAX } from '../../src/keys/index.js';
import {
  autobahn,
  type BlockHeader,
  HASH_BYTES,
  type Msg,
  messageHash,
  publicKeyOf,
  sign,
  signBlock,
} from '../../src/model/autobahn/index.js';
import { appMsg, proposalMsg, timeoutMsg } from '../support/vote-messages.js';

const test = suite('autobahn: votes');

const { votes } = autobahn;
const secret = new Uint8Array(32).fill(9);
const key = publicKeyOf(secret);

const header: BlockHeader = {
  lane: key,
  blockNumber: 4n,
  parentHash: new Uint8Array(HASH_BYTES),
  payloadHash: new Uint8Array(HASH_BYTES).fill(1),
};
const payload = { createdAt: { seconds: 1n, nanos: 0 }, totalGas: 0n, edgeCount: 0n, basefee: 0n, txs: [] };
const block = { header, payload };

const MESSAGES: readonly Msg[] = [
  proposalMsg('proposal', 3, 2),
  proposalMsg('prepareVote', 3, 2),
  proposalMsg('commitVote', 3, 2),
  timeoutMsg(3, 2),
  timeoutMsg(3, 2, 2),
  appMsg(17, 3),
  { kind: 'laneVote', value: header },
  { kind: 'laneProposal', value: block },
];

/** `log (at) before log (at), … needs n`, or `part lane number`. */
function placeText(msg: Msg): string {
  votes.check(msg);
  const place = votes.place(msg);
  if (isLanePlace(place))
    return `${place.part} ${place.lane === laneIdOf(key) ? 'own lane' : place.lane} ${place.number}`;
  const before = place.before.map(([log, at]) => `${log} ${at.join('/')}`).join(', ');
  return `${place.log} ${place.at.join('/')} before [${before}] needs ${place.needs}`;
}

test('each message has its place', () => {
  assert.equal(MESSAGES.map(placeText), [
    'proposal 3/2 before [] needs 3',
    'prepare 3/2 before [commit 3/3, timeout 3/2] needs 3',
    'commit 3/2 before [prepare 3/3, timeout 3/2] needs 3',
    'timeout 3/2 before [prepare 3/3, commit 3/2] needs 3',
    'timeout 3/2 before [prepare 3/3, commit 3/3] needs 3',
    'app 17 before [] needs 4',
    'lanes own lane 4',
    'own own lane 4',
  ]);
});

test('a timeout vote that names an earlier view does not keep the lock of its own', () => {
  assert.is(placeText(timeoutMsg(3, 2, 1)), 'timeout 3/2 before [prepare 3/3, commit 3/2] needs 3');
});

test('the last view of a road is followed by the next road; the last position of all by none', () => {
  assert.is(
    placeText(proposalMsg('prepareVote', 3, U64_MAX)),
    `prepare 3/${U64_MAX} before [commit 4/0, timeout 3/${U64_MAX}] needs 3`,
  );
  const last = ENTRY_NUMBER_MAX;
  assert.is(
    placeText(timeoutMsg(last, U64_MAX, U64_MAX)),
    `timeout ${last}/${U64_MAX} before [prepare ${U64_MAX}/0, commit ${U64_MAX}/0] needs ${last}`,
  );
});

test('every place names logs of the model, with their arity', () => {
  for (const msg of MESSAGES) {
    const place = votes.place(msg);
    if (isLanePlace(place)) continue;
    for (const [log, at] of [[place.log, place.at] as const, ...place.before])
      assert.is(at.length, votes.logs[log]?.arity);
  }
});

test('the digest is what the key signs, and differs between messages', () => {
  const digests = MESSAGES.map((msg) => Buffer.from(votes.digest(msg)).toString('hex'));
  assert.is(new Set(digests).size, MESSAGES.length);
  for (const msg of MESSAGES) {
    assert.equal(votes.digest(msg), messageHash(msg));
    const { signer, sign: signDigest } = votes.keyOf(secret);
    assert.equal(votes.signed(msg, signer, signDigest(votes.digest(msg))), { msg, sig: sign(secret, msg) });
  }
});

test('a key keeps its own copy of the secret', () => {
  const copy = new Uint8Array(secret);
  const pair = votes.keyOf(copy);
  copy.fill(0);
  const [msg] = MESSAGES as [Msg];
  assert.equal(pair.sign(votes.digest(msg)), sign(secret, msg).sig);
});

test('a stored block is the vote for it, and back; the lane is its owner’s', () => {
  const stored = signBlock(secret, block);
  assert.equal(votes.laneVote(stored), { kind: 'laneVote', value: header });
  assert.equal(votes.blockOf({ msg: { kind: 'laneProposal', value: block }, sig: stored.sig }), stored);
  assert.ok(votes.isOwnLane(laneIdOf(key), key));
  assert.not.ok(votes.isOwnLane('00'.repeat(32), key));
});

test('what contradicts itself is LANESTORE_INVALID', () => {
  const sig = sign(secret, MESSAGES[0] as Msg);
  const contradictions = [
    timeoutMsg(3, 2, 3),
    proposalMsg('commitVote', U64_MAX, 0),
    appMsg(1, U64_MAX),
    { kind: 'other', value: {} } as never,
  ];
  for (const call of [
    ...contradictions.flatMap((msg) => [() => votes.check(msg), () => votes.digest(msg)]),
    () => votes.keyOf(new Uint8Array(31)),
    () => votes.signed(MESSAGES[0] as Msg, key, new Uint8Array(63)),
    () => votes.blockOf({ msg: MESSAGES[0] as Msg, sig }),
  ]) {
    try {
      call();
      assert.unreachable('it was taken');
    } catch (error) {
      if (error instanceof assert.Assertion) throw error;
      assert.ok(isLanestoreError(error, 'LANESTORE_INVALID'), String(error));
    }
  }
});

test.run();
