/** A description of the machine that a benchmark runs on. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { basename } from 'node:path';
import { isInMemory, mountOf } from './disk.js';

/** A description of a machine, for the report. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly fileSystem: string;
  readonly mountOptions: string;
  readonly disk: string;
  readonly inMemory: boolean;
  /** Load average of the last minute before the first round. */
  readonly loadBefore: number;
}

/** Describes the machine and the disk under `dir`. */
export function describeMachine(dir: string): Machine {
  const mount = mountOf(dir);
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    fileSystem: mount?.fileSystem ?? 'unknown',
    mountOptions: mount?.options ?? '',
    disk: mount === undefined ? 'unknown' : diskOf(mount.device),
    inMemory: isInMemory(dir),
    loadBefore: loadavg()[0] ?? Number.NaN,
  };
}

/** `vda (virtio, 256 GiB, write cache: write back)`, as far as /sys has the facts. */
function diskOf(device: string): string {
  const name = basename(device);
  const disk = wholeDisk(name);
  if (disk === undefined) return device;
  const read = (path: string) => {
    try {
      return readFileSync(`/sys/block/${disk}/${path}`, 'utf8').trim();
    } catch {
      return undefined;
    }
  };
  const sectors = Number(read('size') ?? Number.NaN);
  const cache = read('queue/write_cache');
  const facts = [
    read('device/model'),
    Number.isFinite(sectors) ? `${Math.round((sectors * 512) / 2 ** 30)} GiB` : undefined,
    read('queue/rotational') === '1' ? 'rotational' : 'not rotational',
    cache === undefined ? undefined : `write cache: ${cache}`,
  ];
  return `${name} (${facts.filter((fact) => fact !== undefined).join(', ')})`;
}

/** The disk that a partition is on. */
function wholeDisk(name: string): string | undefined {
  try {
    const disks = readdirSync('/sys/block').sort((a, b) => b.length - a.length);
    return disks.find((disk) => name === disk || name.startsWith(disk));
  } catch {
    return undefined;
  }
}
