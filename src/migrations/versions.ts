/**
 * The two versions of the protocol do not mix: hashes and signatures of each cover fields that the
 * other does not have, so no entry can be converted. These functions refuse it with the reason.
 */
import { LanestoreError } from '../errors.js';
import { MODEL_NAME } from '../model/autobahn/73f917bbd/name.js';
import type { Model } from '../model/model.js';
import { type Detection, importError, SEI_LAYOUT } from './layout.js';

type AnyModel = Pick<Model<unknown, unknown, unknown>, 'name'>;

const NO_CONVERSION = 'no conversion exists between the versions, because hashes and signatures cover other fields';

/**
 * Checks that the model reads the entries of a layout of the original.
 * @throws LANESTORE_SCHEMA.
 */
export function refuseOtherVersion(
  { location, layout }: Pick<Detection, 'location' | 'layout'>,
  model: AnyModel,
): void {
  if ((layout === SEI_LAYOUT) === (model.name === MODEL_NAME)) return;
  const subpath = layout === SEI_LAYOUT ? 'autobahn-73f917bbd' : 'autobahn';
  throw new LanestoreError(
    'LANESTORE_SCHEMA',
    `${location} has the layout ${layout}, whose entries the model "${model.name}" cannot read`,
    { remedy: `use the model of lanestore/model/${subpath}; ${NO_CONVERSION}` },
  );
}

/**
 * Refuses targets of an export that cannot be written.
 * @throws LANESTORE_IMPORT.
 */
export function refuseTarget(layout: string, model: AnyModel): void {
  if (layout === SEI_LAYOUT) {
    const why = 'it keeps whole rows of the data layer (global blocks too), which a store does not have';
    throw importError(`nothing is exported to ${SEI_LAYOUT}: ${why}`, {
      remedy:
        'run the original from its own state, or let a new node of it sync from its peers; a store is not changed',
    });
  }
  if (model.name !== MODEL_NAME) return;
  throw importError(`entries of ${MODEL_NAME} cannot be written in the layout ${layout}: ${NO_CONVERSION}`, {
    remedy: `${layout} holds entries of older versions; nothing was written`,
  });
}
