/**
 * The store of another build, e.g. of an earlier commit, to compare two versions in one process.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as lanestore from '../../src/index.js';
import type * as protocol from '../../src/model/autobahn/index.js';
import type { ContenderKind } from './contender.js';
import { PortContender, type Store, takeLive } from './port.js';

const PREFIX = 'level@';

/**
 * The contender named `level@BUILD`, where BUILD is the `.build` directory of any checkout,
 * including this one. Undefined for any other name. Use such names for both sides of a comparison,
 * so that each side has its own copy of the compiled code.
 */
export function otherBuildOf(name: string): ContenderKind | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const build = resolve(name.slice(PREFIX.length));
  const open = async (dir: string): Promise<Store> => {
    const load = (path: string) => import(pathToFileURL(`${build}/src/${path}`).href);
    const { openLevel } = (await load('index.js')) as typeof lanestore;
    const { autobahn } = (await load('model/autobahn/index.js')) as typeof protocol;
    return openLevel(dir, { model: autobahn });
  };
  return {
    name,
    description: `the store of ${build}`,
    fullOnly: false,
    open: async (dir) => new PortContender(await open(dir), 'round'),
    async restart(dir) {
      const start = performance.now();
      const store = await open(dir);
      const live = takeLive(store);
      const openMs = performance.now() - start;
      await store.close();
      return { openMs, live };
    },
  };
}
