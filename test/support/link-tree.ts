/** A tree of hard links, as `cp -al` makes it. */
import { linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Links every file below `from` into `to`, which is made. Both are on one file system. */
export function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else linkSync(source, target);
  }
}
