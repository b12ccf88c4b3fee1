/** The votes of the own types: a guard can hold their key. */
import { createPublicKey, verify } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../examples/own-types/model.js';
import { authorOf, ledgerVotes, type Message, votingLedger } from '../../examples/own-types/votes.js';
import { placedVote } from '../../src/adapter/round-votes.js';
import { laneIdOf } from '../../src/keys/index.js';
import { checkModel } from '../../src/model/option-checks.js';
import { refusedSync } from '../support/faults.js';

const test = suite('examples: own types, votes');

const key = ledgerVotes.keyOf(new Uint8Array(32).fill(3));
const author = authorOf(key.signer);
const batch: Batch = { author, sequence: 4n, items: [new Uint8Array([1])] };
const ballot: Message = { kind: 'ballot', round: 7n, choice: new Uint8Array(32) };

test('it is a model of votes', () => {
  checkModel(votingLedger, 'model');
});

test('messages have their places, and digests that tell them apart', () => {
  const { log, at, needs } = placedVote(ledgerVotes as never, ballot);
  assert.equal([log, at, needs], ['ballot', [7n], 7n]);
  const own: Message = { kind: 'batch', batch };
  const lane = laneIdOf(author);
  assert.equal(ledgerVotes.place(own), { part: 'own', lane, number: 4n });
  assert.equal(ledgerVotes.place(ledgerVotes.laneVote(batch)), { part: 'lanes', lane, number: 4n });
  assert.ok(ledgerVotes.isOwnLane(lane, key.signer));
  const messages = [ballot, own, ledgerVotes.laneVote(batch), { ...ballot, round: 8n } as Message];
  const digests = messages.map((message) => Buffer.from(ledgerVotes.digest(message)).toString('hex'));
  assert.is(new Set(digests).size, messages.length);
});

test('signatures are Ed25519 over the digest', () => {
  const digest = ledgerVotes.digest(ballot);
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.signer]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  assert.ok(verify(null, digest, publicKey, key.sign(digest)));
});

test('what is no message of a node is refused', () => {
  for (const bad of [undefined, {}, { kind: 'other' }, { ...ballot, choice: new Uint8Array(31) }]) {
    refusedSync(() => ledgerVotes.check(bad as never), 'LANESTORE_INVALID');
  }
});

test.run();
