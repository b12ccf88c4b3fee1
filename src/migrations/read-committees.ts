/**
 * Reads committees and epochs from files. The readers are loaded when they are called: most
 * programs verify no signatures, and start without the curve and the messages of both versions.
 */

import type { Epochs } from '../model/autobahn/73f917bbd/epochs.js';
import type { Committees } from '../model/autobahn/11419398f/committees.js';

/**
 * Reads the committees of a network from a file.
 *
 * For a single committee, at every road index: JSON, either a list of public keys in hex or a map
 * with such a list under `committee` (for example a manifest); or plain text with one key on each
 * line.
 *
 * For several committees: JSON, `{"committees": [{"from": "0", "committee": [keys]}, {"from":
 * "4000", "committee": [keys]}]}`, ascending; each one is used from its road index until that of
 * the next one.
 * @throws LANESTORE_IO if the file cannot be read; LANESTORE_INVALID naming the file, and the place
 * in it, if it holds no committee, or committees that overlap or are not in order.
 */
export async function readCommittees(file: string): Promise<Committees> {
  const { readCommitteeFile } = await import('./committee-file.js');
  return readCommitteeFile(file);
}

/**
 * Reads the epochs of a network from a file of JSON: `{"epochs": [{"index", "from", "committee":
 * [{"lane", "weight"}]}]}`, ascending; `from` is the first road index of an epoch. A file with one
 * committee, `{"committee": [{"lane", "weight"}], "epoch": "0"}`, is one epoch for all road
 * indexes.
 * @throws LANESTORE_IO if the file cannot be read; LANESTORE_INVALID naming the file and the place
 * in it.
 */
export async function readEpochs(file: string): Promise<Epochs> {
  const { readEpochFile } = await import('./epoch-file.js');
  return readEpochFile(file);
}
