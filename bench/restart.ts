/**
 * Restarts: a fresh process opens what the rounds left and loads it. Each works on a copy of its own, since opening changes what is there
 * (LevelDB rewrites its log as a table). The copy is in the page cache: a warm restart, not one after a boot.
 */
import { cpSync, rmSync } from 'node:fs';
import type { ContenderKind, LiveEntries } from './contenders/contender.js';
import { Host } from './host.js';

export interface Restarts {
  readonly openMs: readonly number[];
  readonly live: LiveEntries;
  /** The longest turn of each; empty for a contender whose event loop cannot be watched. */
  readonly turnMsMax: readonly number[];
}

/** Restarts `times` times. Undefined for a contender that keeps nothing to come back to. */
export async function restarts(kind: ContenderKind, dir: string, times: number): Promise<Restarts | undefined> {
  if (kind.restart === undefined) return undefined;
  const openMs: number[] = [];
  const turnMsMax: number[] = [];
  let live: LiveEntries | undefined;
  for (let i = 0; i < times; i++) {
    const copy = `${dir}.copy`;
    const host = new Host(kind.env);
    try {
      cpSync(dir, copy, { recursive: true });
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
