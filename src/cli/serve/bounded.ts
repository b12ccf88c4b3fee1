/** Values of any size as bounded JSON. A remark replaces each part that is cut off. */
import { plain } from '../output.js';

/** Upper bound of the bytes that are shown of a byte string. */
const BYTES_MAX = 64;
/** Upper bound of the items that are shown of an array, and of the fields of an object. */
const ITEMS_MAX = 100;
const CHARS_MAX = 4096;
const DEPTH_MAX = 24;

/** The value in JSON types, bounded at every level. */
export function bounded(value: unknown, depth = 0): unknown {
  if (value instanceof Uint8Array) return boundedBytes(value);
  if (typeof value === 'string') return cut(value, CHARS_MAX, 'characters');
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return plain(value);
  if (depth === DEPTH_MAX) return '… nested deeper';
  const isArray = Array.isArray(value);
  const entries: [unknown, unknown][] = isArray
    ? value.slice(0, ITEMS_MAX).map((item, i) => [i, item])
    : [...(value instanceof Map ? value : Object.entries(value))].slice(0, ITEMS_MAX);
  const total = isArray ? value.length : value instanceof Map ? value.size : Object.keys(value).length;
  const shown = entries.map(
    ([key, item]) => [String(plain(key)).slice(0, CHARS_MAX), bounded(item, depth + 1)] as const,
  );
  const more = total > entries.length ? `… and ${total - entries.length} more` : undefined;
  if (isArray) return [...shown.map(([, item]) => item), ...(more === undefined ? [] : [more])];
  return Object.fromEntries(more === undefined ? shown : [...shown, ['…', more]]);
}

function boundedBytes(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, BYTES_MAX)).toString('hex');
  return bytes.length > BYTES_MAX ? `${hex}… (${bytes.length} bytes)` : hex;
}

function cut(text: string, max: number, what: string): string {
  return text.length > max ? `${text.slice(0, max)}… (${text.length} ${what})` : text;
}
