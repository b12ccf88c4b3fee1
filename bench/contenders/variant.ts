/**
 * The LevelDB store with other settings, for tuning. The name of the contender contains the
 * settings.
 */
import type { LevelOptions } from '../../src/index.js';
import type { ContenderKind } from './contender.js';
import { levelKind } from './level.js';

/** Settings that a variant changes. Omitted settings have the store's defaults. */
export interface VariantSettings extends LevelOptions {
  readonly maxMergeBytes?: number;
  readonly values?: boolean;
}

const PREFIX = 'level ';
const KNOWN = [
  'writeBufferBytes',
  'tableFileBytes',
  'blockBytes',
  'cacheBytes',
  'compression',
  'maxMergeBytes',
  'values',
];
const FLAGS = ['compression', 'values'];

/** For example `level writeBufferBytes=1048576 compression=true`; without settings `level`. */
export function variantName(settings: VariantSettings): string {
  return ['level', ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)].join(' ');
}

/**
 * The contender of a variant's name; undefined for any other name.
 * @throws RangeError for an unknown setting.
 */
export function variantOf(name: string): ContenderKind | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const settings: Record<string, number | boolean> = {};
  for (const word of name.slice(PREFIX.length).split(' ').filter(Boolean)) {
    const [setting = '', value = ''] = word.split('=');
    if (!KNOWN.includes(setting)) throw new RangeError(`unknown setting "${setting}"; known are ${KNOWN.join(', ')}`);
    settings[setting] = FLAGS.includes(setting) ? value === 'true' : Number(value);
  }
  const { maxMergeBytes, values, ...level } = settings as VariantSettings;
  return levelKind({
    name,
    description: 'this store with other settings',
    submission: 'round',
    level,
    ...(maxMergeBytes === undefined ? {} : { maxMergeBytes }),
    ...(values === undefined ? {} : { values }),
  });
}
