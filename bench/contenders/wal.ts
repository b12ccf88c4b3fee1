/** Lanestore's segment-file WAL as a contender. */
import { openWal } from '../../src/adapter/wal/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import type { ContenderKind } from './contender.js';
import { PortContender, takeLive } from './port.js';

function walKind(
  name: string,
  description: string,
  directorySync: boolean,
  more: Pick<ContenderKind, 'env' | 'fullOnly'> = {},
): ContenderKind {
  const open = (dir: string) => openWal(dir, { model: autobahn, directorySync });
  return {
    name,
    description,
    ...more,
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

export const wal = walKind('wal', 'segment files per lane, with directory syncs', true);
export const walNoDirSync = walKind('wal-nodirsync', 'the same without directory syncs, as the original', false);

export const walThreads = walKind(
  'wal-16-threads',
  "the same with UV_THREADPOOL_SIZE=16, four times Node's default",
  false,
  { env: { UV_THREADPOOL_SIZE: '16' }, fullOnly: true },
);
