/**
 * States of the WAL in a form for comparison: fixtures in a copy, and the recovered entries against
 * what the original loads.
 */
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Recovered } from '../../../src/adapter/persistence.js';
import { autobahn, type CommitQC, type PruneAnchor, type SignedBlock } from '../../../src/model/autobahn/index.js';
import { type Expected, fixture, type WireRound } from '../../support/fixtures.js';

/** A copy of a fixture's state in `dir`. */
export function copyState(name: string, dir: string): string {
  const to = join(dir, name);
  cpSync(fixture(name, 'state'), to, { recursive: true });
  return to;
}

/** A round of a fixture, decoded. */
export function roundOf(wire: WireRound) {
  return {
    anchor: wire.anchor && autobahn.anchor.fromWire(wire.anchor),
    commitQCs: wire.commitQCs.map(autobahn.commitQC.fromWire),
    blocks: wire.blocks.map(autobahn.block.fromWire),
  };
}

type Digest = readonly [number: string, sha256: string];

/** Entries by number, with the digest of their bytes. */
export interface Digests {
  readonly anchor: Digest | undefined;
  readonly commitQCs: readonly Digest[];
  readonly lanes: Readonly<Record<string, readonly Digest[]>>;
}

/** The recovered entries. */
export function digestsOf(recovered: Recovered<SignedBlock, CommitQC, PruneAnchor>): Digests {
  const { anchor, commitQCs, blocks } = recovered;
  const lanes = [...blocks].map(([lane, list]) => [
    lane,
    list.map((block) => digest(autobahn.block.number(block), autobahn.block.toWire(block))),
  ]);
  return {
    anchor: anchor && digest(autobahn.anchor.index(anchor), autobahn.anchor.toWire(anchor)),
    commitQCs: commitQCs.map((qc) => digest(autobahn.commitQC.index(qc), autobahn.commitQC.toWire(qc))),
    lanes: Object.fromEntries(lanes),
  };
}

/** The entries that the original loads. */
export function digestsExpected({ anchor, commitQCs, lanes }: Expected): Digests {
  const held = Object.entries(lanes).filter(([, blocks]) => blocks.length > 0);
  return {
    anchor: anchor ? [anchor.appRoadIndex, anchor.recordSha256] : undefined,
    commitQCs: commitQCs.map((qc) => [qc.roadIndex, qc.recordSha256]),
    lanes: Object.fromEntries(
      held.map(([lane, blocks]) => [lane, blocks.map((block) => [block.number, block.recordSha256])]),
    ),
  };
}

function digest(number: bigint, bytes: Uint8Array): Digest {
  return [`${number}`, createHash('sha256').update(bytes).digest('hex')];
}

/**
 * The files of the original's layout below `dir`, with their bytes in hex; files that only
 * lanestore makes are left out.
 */
export function originalFiles(dir: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const name = relative(dir, join(entry.parentPath, entry.name));
    if (entry.isFile() && !/^(?:(?:lock|torn)\/|ab-wrapper$)/.test(name))
      files[name] = readFileSync(join(dir, name)).toString('hex');
  }
  return files;
}
