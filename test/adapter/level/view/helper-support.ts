/** Stores for the tests of the helper. */
import { openLevel } from '../../../../src/adapter/level/index.js';
import { plain, plainBlocks } from '../../../support/plain-model.js';

/** A small store. */
export async function makeStore(location: string): Promise<void> {
  await using store = await openLevel(location, { model: plain });
  await store.persist({ blocks: plainBlocks('0a', 0, 300) });
}

/** Runs `use` with a variable of the environment. */
export async function withEnv<T>(name: string, value: string, use: () => Promise<T>): Promise<T> {
  const before = process.env[name];
  process.env[name] = value;
  try {
    return await use();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}
