/** Removes what identifies a machine, its operator or a store from texts that leave the machine. */
import { createHash } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { isAbsolute } from 'node:path';
import { plain } from './output.js';

/** A shorter host name would be found in ordinary words. */
const HOST_CHARS_MIN = 3;
const DIGEST_CHARS = 16;
/**
 * The id of a store in a message. Not every digits of this length: those may be the id of a lane.
 */
const STORE_ID = /(?<=\b(?:store|not to) )[0-9a-f]{32}(?![0-9a-f])/g;
/**
 * From the first absolute path in a line to the end of the last name: a path may have spaces.
 * LevelDB's LOG has the paths of the node, whose home and mounts may be others than those of this
 * process.
 */
const PATHS = /(?<=^|[\s'"`(=])(?:[A-Za-z]:)?[\\/](?=[^\\/\s]).*[\\/]([^\\/\n'"`:,)]*)/gm;
/** Names that stay at the end of such a path. */
const OWN_NAME = /^(?:\d+\.\w+|CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|level|values|witness)$/;

/** Replaces some texts; see the top of this file. */
export class Redactor {
  /** The longest first: a location may be in the home directory. */
  #replacements: (readonly [pattern: RegExp, by: string])[] = [];

  /** `paths` are those of the store. */
  constructor(paths: readonly string[]) {
    const [home, host] = [homedir(), hostname()];
    const [shortHost = ''] = host.split('.');
    for (const path of paths.filter(isAbsolute).sort((a, b) => b.length - a.length)) this.#addPath(path, '<location>');
    if (isAbsolute(home)) this.#addPath(home, '<home>');
    for (const name of [host, shortHost]) if (name.length >= HOST_CHARS_MIN) this.#addWord(name, '<host>');
  }

  /**
   * Replaces the id of a store by a digest of it: the id itself may not become known
   * (docs/crash-safety.md, What is not protected).
   */
  addStore(store: Uint8Array): void {
    const id = Buffer.from(store).toString('hex');
    this.#replacements.push([new RegExp(id, 'g'), digestOf(store)]);
  }

  text(text: string): string {
    return this.#replacements
      .reduce((result, [pattern, by]) => result.replace(pattern, () => by), text)
      .replace(PATHS, (_, name: string) => (OWN_NAME.test(name) ? `<path>/${name}` : '<path>'))
      .replace(STORE_ID, (id) => digestOf(Buffer.from(id, 'hex')));
  }

  /** The value in JSON types, with all its texts redacted; names of fields stay. */
  value(value: unknown): unknown {
    return this.#deep(plain(value));
  }

  #deep(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.#deep(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#deep(item)]));
  }

  /** Not the beginning of a longer name: the rest of that would stay. */
  #addPath(path: string, by: string): void {
    // The root directory is in every path.
    if (path.length > 1) this.#replacements.push([new RegExp(`${escaped(path)}(?![\\w-]|\\.\\w)`, 'g'), by]);
  }

  #addWord(word: string, by: string): void {
    this.#replacements.push([new RegExp(`(?<![\\w-])${escaped(word)}(?![\\w-])`, 'gi'), by]);
  }
}

/** A digest that names a store's id without the id. */
function digestOf(store: Uint8Array): string {
  return `sha256:${createHash('sha256').update(store).digest('hex').slice(0, DIGEST_CHARS)}`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
