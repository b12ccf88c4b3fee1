/**
 * Loads LevelDB when it is first needed. A program that does not use it (types, keys, a store in
 * memory) runs where the native addon is not allowed or not installed; a program that needs it gets
 * a coded error.
 */
import { isRefusedByNode, messageOf } from '../base/permission-model.js';
import { LanestoreError } from '../errors.js';

/** The constructor of classic-level. @throws LANESTORE_IO if it cannot be loaded. */
export async function loadClassicLevel(): Promise<typeof import('classic-level').ClassicLevel> {
  try {
    return (await import('classic-level')).ClassicLevel;
  } catch (error) {
    throw new LanestoreError('LANESTORE_IO', `LevelDB (classic-level) cannot be loaded: ${messageOf(error)}`, {
      cause: error,
      remedy: isRefusedByNode(error)
        ? 'start Node.js with --allow-addons, and let it read the program and /etc/alpine-release'
        : 'install classic-level where the program can load it; a bundle must not contain it (external)',
    });
  }
}
