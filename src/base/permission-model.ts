/** Detects the permission model of Node.js (`node --permission`), and explains its refusals. */

/** For each `permission` of an error: the refused operation, and the option that grants it. */
const GRANTS: Readonly<Record<string, readonly [what: string, option: string]>> = {
  FileSystemRead: ['read', '--allow-fs-read'],
  FileSystemWrite: ['write to', '--allow-fs-write'],
  ChildProcess: ['start', '--allow-child-process'],
  Net: ['listen on', '--allow-net'],
};

/** True if this process was started with the permission model. */
export function hasPermissionModel(): boolean {
  return (process as { permission?: object }).permission !== undefined;
}

/** True if `error` is a refusal of the permission model. */
export function isRefusedByNode(error: unknown): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === 'ERR_ACCESS_DENIED' || code === 'ERR_DLOPEN_DISABLED';
}

/**
 * The message of any thrown value. For a refusal of the permission model, it says what was refused
 * and which option allows it: Node.js itself does not always say so.
 */
export function messageOf(error: unknown): string {
  const { message = String(error) } = (error ?? {}) as { message?: string };
  if (!isRefusedByNode(error)) return message;
  const { code, permission = '', resource } = error as { code: string; permission?: string; resource?: string };
  const [what, option] =
    code === 'ERR_DLOPEN_DISABLED' ? ['load addons', '--allow-addons'] : (GRANTS[permission] ?? [message]);
  const object = permission === 'ChildProcess' ? 'another process' : (resource ?? '');
  const allowed = option === undefined ? '' : `; ${option} allows it`;
  return (
    `the permission model of Node.js refuses to ${what} ${object}`.trimEnd() +
    `${allowed} (docs/embedding.md lists what a store needs)`
  );
}
