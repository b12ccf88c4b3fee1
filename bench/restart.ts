/**
 * Restarts: a fresh process opens and loads the directory that the rounds filled. Each restart uses
 * its own copy, because opening changes the directory (LevelDB rewrites its log as a table). The
 * copy is in the page cache: this measures a warm restart, not one after a boot.
 */
import { rmSync } from 'node:fs';
import type { ContenderKind, LiveEntries } from './contenders/contender.js';
import { copyOnDisk } from './disk.js';
import { Host } from './host.js';

export interface Restarts {
  readonly openMs: readonly number[];
  readonly live: LiveEntries;
  /** The longest turn of each restart; empty for a contender whose event loop cannot be watched. */
  readonly turnMsMax: readonly number[];
}

/** Restarts `times` times. Resolves with undefined for a contender that cannot be reopened. */
export async function restarts(kind: ContenderKind, dir: string, times: number): Promise<Restarts | undefined> {
  if (kind.restart === undefined) return undefined;
  const openMs: number[] = [];
  const turnMsMax: number[] = [];
  let live: LiveEntries | undefined;
  for (let i = 0; i < times; i++) {
    const copy = `${dir}.copy`;
    const host = new Host(kind.env);
    try {
      copyOnDisk(dir, copy);
      const found = await host.restart(kind.name, copy);
      if (found === undefined) return undefined;
      openMs.push(found.openMs);
      if (found.turnMsMax !== null) turnMsMax.push(found.turnMsMax);
      live = found.live;
    } finally {
      await host.end();
      rmSync(copy, { recursive: true, force: true });
    }
  }
  return live === undefined ? undefined : { openMs, live, turnMsMax };
}
