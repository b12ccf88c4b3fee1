/** What this process holds open, from the kernel's own list. */
import { readdirSync, readlinkSync } from 'node:fs';

/** The files below `dir` that this process has open, one item a descriptor, also when they were removed meanwhile. */
export function openBelow(dir: string): string[] {
  const found: string[] = [];
  for (const fd of descriptors()) {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      if (path.startsWith(`${dir}/`)) found.push(path);
    } catch {
      // Closed since the list was read, as the list's own descriptor is.
    }
  }
  return found.sort();
}

function descriptors(): string[] {
  try {
    return readdirSync('/proc/self/fd');
  } catch {
    throw new Error('these tests need /proc/self/fd, which Linux has');
  }
}
