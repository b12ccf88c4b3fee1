/**
 * State directories for tests of migrations: copies of the fixtures, their bytes and their content.
 */

import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Encoder } from 'cbor-x';
import { ClassicLevel } from 'classic-level';
import * as assert from 'uvu/assert';
import {
  autobahn,
  type CommitQC,
  entryChecks,
  importState,
  isLanestoreError,
  type LaneId,
  type LanestoreErrorCode,
  type MigrationOptions,
  type PruneAnchor,
  type Recovered,
  type SignedBlock,
} from '../../src/index.js';
import { type Manifest, manifestOf } from '../../src/inspector/index.js';
import { openState } from '../../src/migrations/index.js';
import { fixture } from '../support/fixtures.js';

/** The options that every operator has. */
export const OPTIONS: MigrationOptions<SignedBlock, CommitQC, PruneAnchor> = {
  model: autobahn,
  checks: entryChecks(),
};

/** A copy of a fixture's state in `dir`. */
export function copyState(name: string, dir: string, as = name): string {
  const to = join(dir, as);
  cpSync(fixture(name, 'state'), to, { recursive: true });
  return to;
}

/**
 * A digest of names, modes, times and bytes of everything below `dir`. It differs if anything was
 * changed.
 */
export function treeHash(dir: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(dir, name);
    const stat = statSync(path, { bigint: true });
    hash.update(`${name} ${stat.mode} ${stat.ino} ${stat.size} ${stat.mtimeNs}\n`);
    if (stat.isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** The files below `dir` with their bytes in hex. */
export function filesOf(dir: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[relative(dir, path)] = readFileSync(path).toString('hex');
  }
  return files;
}

/** The content of a state directory of any layout, without start rules. */
export async function contentOf(dir: string): Promise<Recovered<SignedBlock, CommitQC, PruneAnchor>> {
  const source = await openState(dir, autobahn);
  try {
    const commitQCs: CommitQC[] = [];
    for await (const { entry } of source.commitQCs()) commitQCs.push(entry);
    const blocks = new Map<LaneId, SignedBlock[]>();
    for (const lane of source.lanes.keys()) {
      const list: SignedBlock[] = [];
      for await (const { entry } of source.blocks(lane)) list.push(entry);
      if (list.length > 0) blocks.set(lane, list);
    }
    const { anchor, inner } = source;
    return {
      ...(anchor === undefined ? {} : { anchor: anchor.entry }),
      ...(inner === undefined ? {} : { inner }),
      commitQCs,
      blocks,
    };
  } finally {
    await source.close();
  }
}

/** The inner state that {@link writePlainly} stores. */
export const INNER = new Uint8Array([1, 2, 3]);

/**
 * Writes a store of format 0, as a plain adapter over LevelDB would: unpadded keys, and values that
 * are the bare encoded bodies. Only the bodies come from the project's code.
 */
export async function writePlainly(location: string, name: string): Promise<void> {
  const cbor = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });
  const { anchor, commitQCs, blocks } = await contentOf(fixture(name, 'state'));
  const db = new ClassicLevel<string, Uint8Array>(join(location, 'level'), { valueEncoding: 'view' });
  const put = (key: string, body: object) => db.put(key, cbor.encode(body), { sync: true });
  if (anchor !== undefined) await put('anchor', autobahn.anchor.toBody(anchor));
  await put('inner', INNER);
  for (const qc of commitQCs) await put(`qc/${autobahn.commitQC.index(qc)}`, autobahn.commitQC.toBody(qc));
  for (const [lane, list] of blocks) {
    for (const block of list) await put(`lane/${lane}/${autobahn.block.number(block)}`, autobahn.block.toBody(block));
  }
  await db.close();
}

/** The manifest of a state directory of any layout. */
export async function manifestIn(dir: string): Promise<Manifest> {
  return manifestOf(await contentOf(dir));
}

/** Imports, and expects a refusal that changes nothing. */
export async function refused(
  source: string,
  target: string,
  code: LanestoreErrorCode,
  text: RegExp,
  options = OPTIONS,
): Promise<void> {
  const before = treeHash(source);
  const beside = readdirSync(join(target, '..')).sort();
  try {
    await importState(source, target, options);
  } catch (error) {
    assert.ok(isLanestoreError(error), String(error));
    assert.is(error.code, code, error.message);
    assert.match(error.message, text);
    assert.is(treeHash(source), before, 'the source is untouched');
    assert.equal(readdirSync(join(target, '..')).sort(), beside, 'nothing was left beside the target');
    return;
  }
  assert.unreachable(`expected ${code}`);
}
