/**
 * Files of recorded rounds: JSON lines, plain or gzip, one round per line:
 * `{anchor?, commitQCs?: [], blocks?: []}`. Each value is the base64 of the entry's protobuf
 * (test/fixtures/README.md).
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { isLanestoreError, LanestoreError } from '../errors.js';
import type { CommitQC, PruneAnchor, SignedBlock } from '../index.js';
import { autobahn } from '../model/autobahn/index.js';

/** A recorded round, decoded. */
export interface RecordedRound {
  readonly anchor?: PruneAnchor;
  readonly commitQCs: readonly CommitQC[];
  readonly blocks: readonly SignedBlock[];
}

/**
 * Reads the rounds of a file one by one.
 * @throws LANESTORE_IO; LANESTORE_INVALID, which names file and line.
 */
export async function* readRounds(file: string): AsyncGenerator<RecordedRound, void, void> {
  const raw = createReadStream(file);
  const input = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  if (input !== raw) raw.on('error', (error) => input.destroy(error));
  let line = 0;
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line++;
      if (text.trim() !== '') yield decodeRound(text);
    }
  } catch (error) {
    if (error instanceof SyntaxError || isLanestoreError(error, 'LANESTORE_INVALID')) {
      throw new LanestoreError('LANESTORE_INVALID', `${file}, line ${line}: ${error.message}`, { cause: error });
    }
    if (error instanceof LanestoreError) throw error;
    throw new LanestoreError('LANESTORE_IO', `${file} cannot be read: ${(error as Error).message}`, { cause: error });
  } finally {
    raw.destroy();
  }
}

function decodeRound(text: string): RecordedRound {
  const round: unknown = JSON.parse(text);
  if (typeof round !== 'object' || round === null || Array.isArray(round))
    throw new SyntaxError('a round must be a JSON object');
  const { anchor, commitQCs, blocks } = round as Record<string, unknown>;
  return {
    ...(anchor === undefined ? {} : { anchor: autobahn.anchor.fromWire(bytesOf(anchor)) }),
    commitQCs: listOf(commitQCs).map((qc) => autobahn.commitQC.fromWire(bytesOf(qc))),
    blocks: listOf(blocks).map((block) => autobahn.block.fromWire(bytesOf(block))),
  };
}

function listOf(value: unknown): unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new SyntaxError('commitQCs and blocks must be arrays');
  return value;
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw new SyntaxError('an entry must be a base64 string');
  return new Uint8Array(Buffer.from(value, 'base64'));
}
