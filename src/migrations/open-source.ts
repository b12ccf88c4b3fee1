/** Opens a source of any layout. */
import { string } from '../base/options.js';
import type { Model } from '../model/model.js';
import { checkModel } from '../model/option-checks.js';
import { openFilesSource } from './files-source.js';
import { type Detection, detectLayout, SEI_LAYOUT } from './layout.js';
import { openLevelSource } from './level-source.js';
import type { Source } from './source.js';
import { refuseOtherVersion } from './versions.js';
import { openWalSource } from './wal-source.js';

/**
 * Opens the detected directory for reading: changes, creates and locks nothing in it. A store of
 * lanestore is read from a private copy, so a node may run on it.
 * @throws LANESTORE_IMPORT with findings if it cannot be read as a whole; LANESTORE_SCHEMA or
 * LANESTORE_CORRUPT for a store of lanestore; LANESTORE_IO.
 */
export async function openSource<B, Q, A>(detection: Detection, model: Model<B, Q, A>): Promise<Source<B, Q, A>> {
  checkModel(model, 'openSource: model');
  switch (detection.layout) {
    case 'level':
      return openLevelSource(detection, model);
    case SEI_LAYOUT: {
      // Loaded only for this layout, with the messages of its version.
      const { openSeiSource } = await import('./sei-source.js');
      return openSeiSource(detection, model);
    }
    case 'file-per-entry':
      refuseOtherVersion(detection, model);
      return openFilesSource(detection, model);
    default:
      refuseOtherVersion(detection, model);
      return openWalSource(detection, model);
  }
}

/** {@link detectLayout}, then {@link openSource}. @throws the errors of both. */
export async function openState<B, Q, A>(directory: string, model: Model<B, Q, A>): Promise<Source<B, Q, A>> {
  string(directory, 'openState: directory');
  return openSource(await detectLayout(directory), model);
}
