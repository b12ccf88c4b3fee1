/** `lanestore manifest LOCATION` */
import { manifestChunks, stateOfView } from '../inspector/index.js';
import { openState } from '../migrations/index.js';
import { EXIT } from './exit-codes.js';
import { detectLayoutAt, openViewAt } from './locations.js';
import { note, write } from './output.js';
import { withProtocol } from './protocols.js';
import type { Run } from './verb.js';

/** Runs `manifest`. */
export const run: Run = async ([location = '']) => {
  const { layout } = await detectLayoutAt(location);
  return withProtocol(location, async ({ model, manifest }) => {
    if (layout !== 'level') {
      const source = await openState(location, model);
      try {
        for await (const chunk of manifestChunks(source, manifest)) await write(chunk);
        for (const text of source.notes) note(`note: ${text}`);
      } finally {
        await source.close();
      }
      return EXIT.ok;
    }
    await using view = await openViewAt(location, { model });
    for await (const chunk of manifestChunks(stateOfView(view), manifest)) await write(chunk);
    if (view.refusal !== undefined) throw view.refusal;
    return EXIT.ok;
  });
};
