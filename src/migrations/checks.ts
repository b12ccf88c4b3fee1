/** What a migration asks of each entry beyond its place: hashes always, signatures when a committee is given. */
import { readFile } from 'node:fs/promises';
import { reading } from '../adapter/wal/io.js';
import { LanestoreError } from '../errors.js';
import { isLaneId, laneBytes } from '../keys/index.js';
import { Committee } from '../model/autobahn/committee.js';
import { payloadHash } from '../model/autobahn/hash.js';
import type { CommitQC, PruneAnchor, SignedBlock } from '../model/autobahn/types.js';
import { verifyAnchor, verifyChain, verifyCommitQC, verifySignedBlock } from '../model/autobahn/verify.js';

/** Checks of a model's entries; each throws a coded error for an entry that must not be migrated. */
export interface ContentChecks<B, Q, A> {
  anchor(anchor: A): void;
  commitQC(qc: Q): void;
  /** @param before the block before it in its lane; undefined for the first one, whose parent nobody has. */
  block(block: B, before: B | undefined): void;
}

/** For models without hashes: whatever decodes and stands in its place passes. */
export const NO_CHECKS: ContentChecks<unknown, unknown, unknown> = {
  anchor: () => undefined,
  commitQC: () => undefined,
  block: () => undefined,
};

/**
 * Autobahn's: each payload has the hash that its header says, each block is the child of the one before. With a committee, also every
 * signature and quorum (about half a millisecond a signature).
 */
export function autobahnChecks(committee?: Committee): ContentChecks<SignedBlock, CommitQC, PruneAnchor> {
  const chain = (block: SignedBlock, before: SignedBlock | undefined) => verifyChain([block], before?.block.header);
  if (committee === undefined) {
    return {
      ...NO_CHECKS,
      block(block, before) {
        const { header, payload } = block.block;
        if (Buffer.compare(payloadHash(payload), header.payloadHash) !== 0) {
          throw new LanestoreError('LANESTORE_VERIFY', 'its payload does not have the hash that its header says');
        }
        chain(block, before);
      },
    };
  }
  return {
    anchor: (anchor) => verifyAnchor(anchor, committee),
    commitQC: (qc) => verifyCommitQC(qc, committee),
    block(block, before) {
      verifySignedBlock(block, committee);
      chain(block, before);
    },
  };
}

/**
 * Reads a committee from a file: JSON, a list of public keys in hex or a map with one under `committee` (such as a manifest), or plain
 * text with one key a line.
 * @throws LANESTORE_IO if it cannot be read; LANESTORE_INVALID naming the file if it holds no committee.
 */
export async function readCommittee(file: string): Promise<Committee> {
  const text = await reading(`read the committee file ${file}`, () => readFile(file, 'utf8'));
  const invalid = (detail: string) =>
    new LanestoreError(
      'LANESTORE_INVALID',
      `the committee file ${file} ${detail}; it must list the validators' public keys, 64 hex digits each`,
    );
  const keys = keysIn(text);
  if (keys === undefined) throw invalid('holds no list');
  const wrong = keys.find((key) => typeof key !== 'string' || !isLaneId(key.toLowerCase()));
  if (wrong !== undefined) throw invalid(`has an entry that is no key: ${JSON.stringify(wrong).slice(0, 80)}`);
  try {
    return new Committee(keys.map((key) => laneBytes((key as string).toLowerCase())));
  } catch (error) {
    if (!(error instanceof LanestoreError)) throw error;
    throw invalid(`makes no committee: ${error.message}`);
  }
}

function keysIn(text: string): unknown[] | undefined {
  if (!/^\s*[[{]/.test(text)) {
    const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*/, '').trim());
    return lines.filter((line) => line !== '');
  }
  try {
    const value: unknown = JSON.parse(text);
    const list = Array.isArray(value) ? value : (value as { committee?: unknown }).committee;
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}
