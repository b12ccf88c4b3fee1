/**
 * Runs `work` while the code under test sees another platform. Only checks at call time are
 * affected, not checks at module load.
 */
export async function onPlatform<T>(name: NodeJS.Platform, work: () => Promise<T>): Promise<T> {
  const before = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
  Object.defineProperty(process, 'platform', { ...before, value: name });
  try {
    return await work();
  } finally {
    Object.defineProperty(process, 'platform', before);
  }
}
