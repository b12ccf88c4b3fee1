/** Versions, machine and file system, for a bug report. Names no host, no user and no path. */
import { readFileSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, freemem, release, totalmem, uptime } from 'node:os';
import { shipped } from './shipped.js';

/** Options of a mount with a value that names no machine. */
const MOUNT_VALUES = new Set(['data', 'commit', 'barrier', 'errors', 'allocsize', 'subvolid', 'compress']);

/** The environment of this process, and of the file system of `location`. */
export function environmentOf(location: string): object {
  const { versions, platform, arch, execArgv } = process;
  const { blocks, bavail, bsize, files, ffree, type } = statfsSync(location);
  return {
    lanestore: versionIn(shipped('package.json')),
    classicLevel: versionOf('classic-level'),
    node: versions.node,
    v8: versions.v8,
    platform,
    arch,
    osRelease: release(),
    cpu: cpus()[0]?.model ?? null,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    uptimeSeconds: Math.round(uptime()),
    hasNodeOptions: execArgv.length > 0 || process.env.NODE_OPTIONS !== undefined,
    fileSystem: {
      type: `0x${type.toString(16)}`,
      ...mountOf(location),
      bytes: blocks * bsize,
      freeBytes: bavail * bsize,
      inodes: files,
      freeInodes: ffree,
    },
  };
}

function versionIn(manifest: string): string {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** The version of a dependency; null if the program is one file, without folders of packages. */
function versionOf(name: string): string | null {
  try {
    return versionIn(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    return null;
  }
}

/** Type and options of the mount of `location`; nothing where the system does not list mounts. */
function mountOf(location: string): object {
  let mounts: string;
  try {
    mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return {};
  }
  let found: { readonly point: string; readonly name: string; readonly options: readonly string[] } | undefined;
  for (const line of mounts.split('\n')) {
    const [fields = [], rest = []] = line.split(' - ').map((half) => half.split(' '));
    const point = (fields[4] ?? '').replace(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
    const isIn = location === point || location.startsWith(point.endsWith('/') ? point : `${point}/`);
    if (point === '' || !isIn || point.length < (found?.point.length ?? 0)) continue;
    found = { point, name: rest[0] ?? '', options: [...(fields[5] ?? '').split(','), ...(rest[2] ?? '').split(',')] };
  }
  if (found === undefined) return {};
  const options = found.options.filter((text) => !text.includes('=') || MOUNT_VALUES.has(text.split('=')[0] ?? ''));
  return { name: found.name, mountOptions: [...new Set(options)] };
}
