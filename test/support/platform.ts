/** Runs `work` while the code under test sees another platform. Only what is asked for at each call differs, not what is decided at load. */
export async function onPlatform<T>(name: NodeJS.Platform, work: () => Promise<T>): Promise<T> {
  const before = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
  Object.defineProperty(process, 'platform', { ...before, value: name });
  try {
    return await work();
  } finally {
    Object.defineProperty(process, 'platform', before);
  }
}
