/**
 * The messages that a node with the custom types signs: its own batches, acknowledgements of the
 * batches of others, and one ballot a round. With this model a guard (`lanestore/guard`) holds the
 * key, so that none of them is signed twice in one place.
 */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { LanestoreError, laneIdOf, type VoteModel } from '../../src/index.js';
import { type Batch, batchOf, encodeBody, is, ledger } from './model.js';

/** A message that a node signs. */
export type Message =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | {
      readonly kind: 'acknowledgement';
      readonly author: Uint8Array;
      readonly sequence: bigint;
      readonly hash: Uint8Array;
    }
  | { readonly kind: 'ballot'; readonly round: bigint; readonly choice: Uint8Array };

/** A message with its signature: Ed25519 over its digest. */
export interface SignedMessage {
  readonly message: Message;
  readonly signer: Uint8Array;
  readonly signature: Uint8Array;
}

/** The model of the signed messages; a part of the model of the store. */
export const ledgerVotes: VoteModel<Message, Batch, SignedMessage> = {
  logs: { ballot: { arity: 1, part: 'rounds' } },
  lanesRecur: true,
  check(message) {
    if (message?.kind === 'batch') batchOf(message.batch);
    else if (message?.kind === 'acknowledgement') is.bytes(message.hash, 'acknowledgement.hash', 32);
    else if (message?.kind === 'ballot') is.bytes(message.choice, 'ballot.choice', 32);
    else throw new LanestoreError('LANESTORE_INVALID', 'the message is of no kind that a node signs');
  },
  place(message) {
    switch (message.kind) {
      case 'batch':
        return { part: 'own', lane: laneIdOf(message.batch.author), number: message.batch.sequence };
      case 'acknowledgement':
        return { part: 'lanes', lane: laneIdOf(message.author), number: message.sequence };
      case 'ballot':
        // A round begins with the certificate of the round before it.
        return { log: 'ballot', at: [message.round], before: [], needs: message.round };
    }
  },
  // The hash covers the kind, so a signature is valid for one kind only.
  digest: (message) => sha256(encodeBody(message)),
  laneVote: (batch) => ({
    kind: 'acknowledgement',
    author: batch.author,
    sequence: batch.sequence,
    hash: sha256(encodeBody(batch)),
  }),
  blockOf: ({ message }) => {
    if (message.kind !== 'batch') throw new LanestoreError('LANESTORE_INVALID', `a ${message.kind} is no batch`);
    return message.batch;
  },
  isOwnLane: (lane, signer) => lane === laneIdOf(authorOf(signer)),
  signed: (message, signer, signature) => ({ message, signer, signature: is.bytes(signature, 'signature', 64) }),
  opened: ({ message, signer }) => ({ vote: message, signer }),
  keyOf(secret) {
    const key = createPrivateKey({ key: pkcs8(is.bytes(secret, 'secret', 32)), format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
    return { signer: new Uint8Array(spki.subarray(-32)), sign: (digest) => new Uint8Array(sign(null, digest, key)) };
  },
};

/** The model to open a store with that keeps votes. */
export const votingLedger = { ...ledger, votes: ledgerVotes };

/** The author that a public key stands for. */
export function authorOf(signer: Uint8Array): Uint8Array {
  return sha256(signer).subarray(0, 20);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

/** An Ed25519 seed as PKCS #8, which is how `node:crypto` takes it. */
function pkcs8(seed: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
}
