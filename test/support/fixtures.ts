/** The data of the original (test/fixtures), for tests and benches, compiled or not. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/**
 * The nearest parent directory of this file with a package.json: compiled tests run from .build.
 */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

/** The path of a fixture. */
export function fixture(...parts: string[]): string {
  return join(packageRoot, 'test', 'fixtures', ...parts);
}

/**
 * Fixtures with a `rounds.jsonl`; `wal-crc` and `file-per-entry` come from the traffic of `wal`.
 */
export const TRAFFIC = ['wal', 'wal-quiet-lane', 'wal-no-anchor', 'wal-crash-after-anchor', 'trace-20'] as const;

/** One persist round as protobuf, as the original stores it. */
export interface WireRound {
  readonly anchor?: Uint8Array;
  readonly commitQCs: readonly Uint8Array[];
  readonly blocks: readonly Uint8Array[];
}

/** The rounds of a fixture, in order. */
export function loadRounds(name: string): WireRound[] {
  const plain = fixture(name, 'rounds.jsonl');
  const text = existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(`${plain}.gz`));
  return text
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { anchor, commitQCs = [], blocks = [] } = JSON.parse(line);
      return {
        ...(anchor === undefined ? {} : { anchor: fromBase64(anchor) }),
        commitQCs: commitQCs.map(fromBase64),
        blocks: blocks.map(fromBase64),
      };
    });
}

/** A block in a manifest. Numbers of 64 bits are decimal strings, bytes are hex. */
export interface ExpectedBlock {
  readonly lane: string;
  readonly number: string;
  readonly headerHash: string;
  readonly parentHash: string;
  readonly payloadHash: string;
  readonly messageHash: string;
  readonly signer: string;
  readonly txs: number;
  readonly createdAt: string;
  readonly recordSha256: string;
  readonly recordBytes: number;
}

/** The state of an application in a manifest. */
export interface ExpectedApp {
  readonly appHash: string;
  readonly globalNumber: string;
  readonly roadIndex: string;
}

/** A CommitQC in a manifest. */
export interface ExpectedCommitQC {
  readonly roadIndex: string;
  readonly viewNumber: string;
  readonly voteHash: string;
  readonly signatures: number;
  readonly globalRange: readonly [string, string];
  readonly laneRanges: readonly {
    readonly lane: string;
    readonly first: string;
    readonly next: string;
    readonly lastHash: string;
  }[];
  readonly app: ExpectedApp | null;
  readonly recordSha256: string;
  readonly recordBytes: number;
}

/** The anchor in a manifest. */
export interface ExpectedAnchor {
  readonly appRoadIndex: string;
  readonly appGlobalNumber: string;
  readonly appHash: string;
  readonly commitRoadIndex: string;
  readonly recordSha256: string;
  readonly recordBytes: number;
}

/** The state that the original loads from a directory. */
export interface Expected {
  readonly committee: readonly string[];
  readonly anchor: ExpectedAnchor | null;
  readonly commitQCs: readonly ExpectedCommitQC[];
  readonly lanes: Readonly<Record<string, readonly ExpectedBlock[]>>;
}

/** The manifest of a fixture. */
export function loadExpected(name: string, file = 'expected.json'): Expected {
  return JSON.parse(readFileSync(fixture(name, file), 'utf8'));
}

/** The entries in a printed manifest: without the votes, which the original does not keep. */
export function entriesIn(manifest: string): object {
  const { votes: _, ...entries } = JSON.parse(manifest);
  return entries;
}

/** A message with the hash that the original computes for it. */
export interface Vector {
  readonly name: string;
  readonly type: 'BlockHeader' | 'Payload' | 'SignedMsg';
  readonly protobuf: Uint8Array;
  readonly hash: string;
  readonly publicKey?: string;
  readonly signature?: string;
}

/** `vectors.json`. */
export function loadVectors(): Vector[] {
  const vectors: (Omit<Vector, 'protobuf'> & { protobuf: string })[] = JSON.parse(
    readFileSync(fixture('vectors.json'), 'utf8'),
  );
  return vectors.map((vector) => ({ ...vector, protobuf: fromBase64(vector.protobuf) }));
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

function findPackageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new Error(`no package.json above ${from}`);
  }
}
