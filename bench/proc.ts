/** Resource use of a process from /proc (Linux only). Unavailable numbers are NaN. */
import { readFileSync } from 'node:fs';

const KIB = 1024;

/** Memory of a process, in bytes. */
export interface Memory {
  readonly rss: number;
  /** The maximum of `rss` so far. */
  readonly rssPeak: number;
  /** Anonymous memory only, without mapped files: LevelDB maps its tables. */
  readonly rssAnon: number;
}

export function memoryOf(pid: number | 'self'): Memory {
  const fields = readFields(`/proc/${pid}/status`);
  const kib = (name: string) => Number.parseInt(fields.get(name) ?? 'NaN', 10) * KIB;
  return { rss: kib('VmRSS'), rssPeak: kib('VmHWM'), rssAnon: kib('RssAnon') };
}

/** Bytes that a process has written since its start. */
export interface Written {
  /** Bytes passed to write calls, including pipes. */
  readonly calls: number;
  /** Bytes of pages dirtied for a disk: whole pages, without the file system's journal. */
  readonly storage: number;
}

export function writtenBy(pid: number | 'self'): Written {
  const fields = readFields(`/proc/${pid}/io`);
  return { calls: Number(fields.get('wchar') ?? 'NaN'), storage: Number(fields.get('write_bytes') ?? 'NaN') };
}

function readFields(path: string): Map<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return new Map();
  }
  return new Map(
    text.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );
}

/**
 * CPU time of this process without its main thread, in milliseconds. NaN if /proc does not report
 * it.
 */
export function otherThreadsCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 - mainThreadCpuMs();
}

/**
 * CPU time of the main thread, in milliseconds; time in which it waits does not count. NaN if /proc
 * does not report it.
 */
export function mainThreadCpuMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return Number.NaN;
  }
}
