/** `lanestore accept-rollback LOCATION --seq N` */
import { openLevel } from '../index.js';
import { UsageError } from './command-error.js';
import { confirm } from './confirm.js';
import { EXIT } from './exit-codes.js';
import { isPostgres } from './locations.js';
import { note, print, toJson } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { withProtocol } from './protocols.js';
import type { Verb } from './verb.js';

/** The verb `accept-rollback`. */
export const acceptRollbackVerb: Verb = {
  usage: 'LOCATION --seq N',
  summary: 'lets a rolled back store open again; nothing is signed until release',
  help: [
    'No node may run on LOCATION. Acknowledged batches stay lost: docs/runbook.md says when this is safe. The store is',
    'changed only if its witness is the only reason for the refusal and N is its newest batch. Damage is never accepted.',
    '--seq N   the newest batch in the database, as the error and lanestore inspect show it',
    '--yes     do not ask',
    'The decision is recorded in the store, and closes all parts of its votes.',
    MODEL_HELP,
  ],
  options: { ...MODEL_OPTION, seq: { type: 'string' }, yes: { type: 'boolean' } },
  positionals: [1, 1],
  reads: 'store',
  takesPostgres: true,
  advice: {
    LANESTORE_INVALID: 'lanestore inspect shows seq, the newest batch, and the findings; nothing was changed',
  },
  async run([location = ''], { seq: text, yes, json }) {
    if (isPostgres(location))
      throw new UsageError(
        'a store in PostgreSQL has no witness, so it never asks for this; import a restored database into a new store',
      );
    // Not a number: a seq may be larger than numbers can tell apart.
    if (typeof text !== 'string' || !/^\d{1,20}$/.test(text))
      throw new UsageError('--seq N is missing or no whole number: lanestore inspect shows it');
    const seq = BigInt(text);
    if (yes !== true) await confirm(`You say: ${location} may go on from batch ${seq}, and later batches are lost.`);
    const next = await withProtocol(location, async ({ model }) => {
      await using store = await openLevel(location, {
        model,
        createIfMissing: false,
        load: false,
        acceptRollback: { seq },
      });
      return store.seq;
    });
    if (json === true) print(toJson({ location, acceptedSeq: seq, seq: next }, 2));
    else
      print(`${location}: the rollback to batch ${seq} is accepted and recorded; the store goes on at batch ${next}`);
    note('note: all parts of the votes are closed; lanestore release opens them (docs/signing-safety.md)');
    return EXIT.ok;
  },
};
