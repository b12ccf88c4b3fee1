/** The bytes of a directory, kept in memory, to be written many times with one change. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** LevelDB's files for people and for locking, which do not affect the content. */
const ASIDE = new Set(['level/LOG', 'level/LOG.old', 'level/LOCK']);

/** A directory: relative paths with their bytes. Immutable; each change makes another image. */
export class Image {
  readonly files: ReadonlyMap<string, Buffer>;

  constructor(files: ReadonlyMap<string, Buffer>) {
    this.files = files;
  }

  /** The image of a directory. A file that is removed meanwhile, as LevelDB's are, is left out. */
  static of(dir: string): Image {
    const files = new Map<string, Buffer>();
    for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      try {
        // LOCK is empty, and closing it in the process of a running store would free the store's
        // lock.
        files.set(relative(dir, path), entry.name === 'LOCK' ? Buffer.alloc(0) : readFileSync(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    return new Image(new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))));
  }

  get(path: string): Buffer {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw new Error(`${path} is not in the image (${[...this.files.keys()].join(', ')})`);
    return bytes;
  }

  with(path: string, bytes: Buffer): Image {
    return new Image(new Map(this.files).set(path, bytes));
  }

  without(path: string): Image {
    const files = new Map(this.files);
    files.delete(path);
    return new Image(files);
  }

  /** The files of both; a file in both is taken from this image. */
  union(added: Image): Image {
    return new Image(new Map([...added.files, ...this.files]));
  }

  /** Paths that satisfy `wanted`, ascending. */
  paths(wanted: (path: string) => boolean): string[] {
    return [...this.files.keys()].filter(wanted).sort();
  }

  /** LevelDB's non-empty logs, the newest one last. */
  logs(): string[] {
    return this.paths((path) => /^level\/\d+\.log$/.test(path)).filter((path) => this.get(path).length > 0);
  }

  /** The newest non-empty log. */
  log(): string {
    const newest = this.logs().at(-1);
    if (newest === undefined) throw new Error('no log holds a byte');
    return newest;
  }

  /** The MANIFEST that CURRENT names. */
  manifest(): string {
    return `level/${this.get('level/CURRENT').toString('latin1').trim()}`;
  }

  /** Makes `dir` hold exactly this image. */
  write(dir: string): void {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const made = new Set([dir]);
    for (const [path, bytes] of this.files) {
      const parent = dirname(join(dir, path));
      if (!made.has(parent)) mkdirSync(parent, { recursive: true, mode: 0o700 });
      made.add(parent);
      writeFileSync(join(dir, path), bytes, { mode: 0o600 });
    }
  }

  /**
   * The difference between `dir` and this image, ignoring LevelDB's files for people and for
   * locking; undefined if there is none.
   */
  difference(dir: string): string | undefined {
    const now = Image.of(dir).files;
    for (const [path, bytes] of this.files) {
      if (ASIDE.has(path)) continue;
      const current = now.get(path);
      if (current === undefined) return `${path} is gone`;
      if (!current.equals(bytes)) return `${path} was changed`;
    }
    for (const path of now.keys()) if (!this.files.has(path) && !ASIDE.has(path)) return `${path} is new`;
    return undefined;
  }
}
