/** The open files of this process, from the kernel's list. */
import { readdirSync, readlinkSync } from 'node:fs';

/** The open files of this process below `dir`, one item per descriptor, including removed files. */
export function openBelow(dir: string): string[] {
  const found: string[] = [];
  for (const fd of descriptors()) {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      if (path.startsWith(`${dir}/`)) found.push(path);
    } catch {
      // Closed since the list was read, like the list's own descriptor.
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
