/**
 * The versions of the protocol that commands read, and the detection of a directory's version.
 *
 * The layout of a state directory implies its version. A store is opened with the older version
 * first. If its schema names the newer one, it is opened again. `--model` replaces both.
 */
import { OLDEST_READ, rawModel, readSchema } from '../adapter/level/index.js';
import { isLanestoreError, LanestoreError } from '../errors.js';
import type { RawEntry } from '../index.js';
import { SCHEMA_KEY } from '../keys/index.js';
import { SEI_LAYOUT } from '../migrations/index.js';
import { versionsAt } from './key-versions.js';
import { detectLayoutAt, openViewAt } from './locations.js';
import { loadModel } from './own-model.js';
import { isPostgres } from './postgres-url.js';
import type { Protocol } from './protocol.js';

export type { Protocol } from './protocol.js';

/** The types for a store of an unknown model: its entries are not decoded. */
export const RAW: Protocol<RawEntry, RawEntry, RawEntry> = {
  model: rawModel,
  manifest: { anchor: asObject, commitQCOf: asObject, commitQC: asObject, block: asObject },
  checks: async (file) => {
    if (file === undefined) return {};
    const message = 'signatures cannot be checked without the model of the store';
    throw new LanestoreError('LANESTORE_SCHEMA', message, { remedy: GIVE_MODEL });
  },
  hashes: { block: () => ({}), commitQC: () => ({}), anchor: () => ({}) },
};

/** The remedy if the model of a store is unknown. */
export const GIVE_MODEL = 'give the module with the types of the store: --model FILE';

function asObject(entry: RawEntry): object {
  return { entry };
}

/** The note of a command on a store that it reads with {@link RAW}. */
export function rawNote(model: string | undefined): string {
  return (
    `the model${model === undefined ? '' : ` "${model}"`} of the store is unknown: checksums, keys and ranges are checked, entries are not; ` +
    '--model FILE checks and decodes them'
  );
}

/** The types of `--model`, which replace those of the two versions. */
let own: Protocol<unknown, unknown, unknown> | undefined;

/**
 * Loads the types of this command from `file`; if undefined, uses the versions of the protocol.
 * @throws LANESTORE_INVALID for a file that exports no model.
 */
export async function chooseModel(file: string | undefined): Promise<void> {
  own = undefined;
  if (file !== undefined) own = await loadModel(file);
}

/** The work of a command with a version. It must open its directory before it writes output. */
type Use<T> = <B, Q, A>(protocol: Protocol<B, Q, A>) => Promise<T>;

/**
 * Calls `use` with the version of the directory at `location`. With `raw`, a store of an unknown
 * model is read with {@link RAW}.
 * @throws what `use` throws.
 */
export async function withProtocol<T>(
  location: string,
  use: Use<T>,
  { raw = false }: { readonly raw?: boolean } = {},
): Promise<T> {
  if (own !== undefined) return use(own);
  if (await isNewerState(location)) return use(await newer());
  const { OLDER } = await import('./protocol-11419398f.js');
  try {
    return await use(OLDER);
  } catch (error) {
    // LANESTORE_INVALID: a committee file of the newer version.
    const mayBeNewer = isLanestoreError(error, 'LANESTORE_SCHEMA') || isLanestoreError(error, 'LANESTORE_INVALID');
    if (mayBeNewer && (await isNewerStore(location))) return use(await newer());
    if (raw && isLanestoreError(error, 'LANESTORE_SCHEMA')) return use(RAW);
    throw error;
  }
}

/**
 * True for a state directory of the newer version, without `--model`. False on any error: the later
 * opening reports it.
 */
export async function isNewerState(location: string): Promise<boolean> {
  if (own !== undefined) return false;
  try {
    return (await detectLayoutAt(location)).layout === SEI_LAYOUT;
  } catch (error) {
    if (isLanestoreError(error)) return false;
    throw error;
  }
}

/**
 * True for a store that was written with the newer version. LevelDB does not read the files: a
 * damaged table can abort the process in which it does.
 */
async function isNewerStore(location: string): Promise<boolean> {
  const { model } = await newer();
  try {
    if (isPostgres(location)) await (await openViewAt(location, { model, examine: false })).close();
    else readSchema((await versionsAt(location, SCHEMA_KEY)).versions[0]?.value ?? NO_RECORD, model.name, OLDEST_READ);
    return true;
  } catch (error) {
    // The earlier error says more than one of the system.
    if (isLanestoreError(error) || (error as NodeJS.ErrnoException).syscall !== undefined) return false;
    throw error;
  }
}

/** Loads the newer version, which most commands do not need. */
async function newer() {
  return (await import('./protocol-73f917bbd.js')).NEWER;
}

const NO_RECORD = new Uint8Array();
