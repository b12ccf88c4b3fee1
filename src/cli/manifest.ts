/** `lanestore manifest LOCATION` */
import { manifestChunks, stateOfView } from '../inspector/index.js';
import { openState } from '../migrations/index.js';
import { EXIT } from './exit-codes.js';
import { detectLayoutAt, openViewAt } from './locations.js';
import { note, write } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { withProtocol } from './protocols.js';
import type { Verb } from './verb.js';

/** The verb `manifest`. */
export const manifestVerb: Verb = {
  usage: 'LOCATION',
  summary: 'prints all entries of a state directory, with hashes, as JSON',
  help: [
    'Any layout. A store is read from a private copy: a node may be running on it. Every entry is checked. Damaged',
    'entries are omitted and listed on stderr, and the command ends with 1. Equal output means equal entries, and',
    'equal votes: the same may be signed next. Layouts of the original keep no votes, and have no such field.',
    MODEL_HELP,
  ],
  options: MODEL_OPTION,
  positionals: [1, 1],
  reads: 'state',
  takesPostgres: true,
  async run([location = '']) {
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
  },
};
