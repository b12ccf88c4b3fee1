/**
 * Restoring a validator's store from an older copy of itself, as an operator does after a disk was
 * lost, while the others run: a snapshot, later a kill, the snapshot in the store's place, answers
 * of the peers, a release. At first no message reaches the restored node, as if the network were
 * down: it has only the copy.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { autobahn, isLanestoreError, releaseStore, snapshot } from '../../src/index.js';

/** The node that is restored. */
export interface Restored {
  /** The location of its store. */
  readonly location: string;
  /** The public keys of all validators. */
  readonly validators: readonly Uint8Array[];
  /** Resolves when the network has `count` more CommitQCs. */
  roads(count: number): Promise<void>;
  /** Kills the node with SIGKILL, runs `between`, starts a new process, which is cut off first. */
  killed(between: () => void): Promise<void>;
  /** Resolves with the parts in which the node signs nothing. */
  closed(): Promise<readonly string[]>;
  /** Stops the node in order, runs `between`, and starts a new process. */
  stopped(between: () => Promise<unknown>): Promise<void>;
  /** Resolves when the node has sent a new block of its own lane, and a vote of consensus. */
  signs(): Promise<void>;
  pause(): Promise<void>;
}

const ROADS_BETWEEN = 6;
/** All parts must open, own blocks included. */
const ALL = ['rounds', 'app', 'lanes', 'own'] as const;

/** Restores the node once. Resolves when it signs again. */
export async function playRestore(node: Restored): Promise<void> {
  const { location, validators } = node;
  const backup = `${location}.backup`;
  rmSync(backup, { recursive: true, force: true });
  await snapshot(location, backup, { model: autobahn });
  await node.roads(ROADS_BETWEEN);
  await node.killed(() => {
    rmSync(location, { recursive: true });
    renameSync(backup, location);
  });
  // Only a faulty build signs from an opened copy. Then the checker must detect it.
  if ((await node.closed()).length === 0) return node.signs();
  const options = { model: autobahn, reason: 'restored', peers: { validators }, open: ALL };
  while (!(await isReady(location, options))) await node.pause();
  await node.stopped(() => releaseStore(location, options));
  await node.signs();
}

/** True once the answers are enough for every part. */
async function isReady(location: string, options: Parameters<typeof releaseStore>[1]): Promise<boolean> {
  if (!existsSync(location)) return false;
  try {
    await releaseStore(location, { ...options, dryRun: true });
    return true;
  } catch (error) {
    if (isLanestoreError(error, 'LANESTORE_INVALID')) return false;
    throw error;
  }
}
