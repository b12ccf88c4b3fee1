/** `lanestore accept-rollback LOCATION --seq N` */
import { openLevel } from '../adapter/level/index.js';
import { UsageError } from './command-error.js';
import { confirm } from './confirm.js';
import { EXIT } from './exit-codes.js';
import { note, print, toJson } from './output.js';
import { isPostgres } from './postgres-url.js';
import { withProtocol } from './protocols.js';
import type { Run } from './verb.js';

/** Runs `accept-rollback`. */
export const run: Run = async ([location = ''], { seq: text, yes, json }) => {
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
  else print(`${location}: the rollback to batch ${seq} is accepted and recorded; the store goes on at batch ${next}`);
  note('note: all parts of the votes are closed; lanestore release opens them (docs/signing-safety.md)');
  return EXIT.ok;
};
