/** The votes of a store's key, as commands show them. */
import type { StoredVotes } from '../index.js';
import { print, styled } from './output.js';

/** The votes in the output of `--json`. */
export interface VotesSummary {
  /** null: no key was ever bound to the store. */
  readonly signer: Uint8Array | null;
  readonly logs: readonly {
    readonly log: string;
    /** The position of the last vote; null if none is known. */
    readonly at: readonly bigint[] | null;
    readonly digest: Uint8Array | null;
    /** The floor: nothing is signed at or below it. Null if there is none. */
    readonly floor: readonly bigint[] | null;
  }[];
  readonly laneFloors: ReadonlyMap<string, bigint>;
  readonly quarantine: StoredVotes['quarantine'] | null;
  readonly sinks: StoredVotes['sinks'] | null;
}

/** The summary of stored votes. */
export function votesOf({ signer, logs, laneFloors, quarantine, sinks }: StoredVotes): VotesSummary {
  const rows = [...logs].map(([log, { watermark, floor }]) => ({
    log,
    at: watermark?.at ?? null,
    digest: watermark?.digest ?? null,
    floor: floor ?? null,
  }));
  return { signer: signer ?? null, logs: rows, laneFloors, quarantine: quarantine ?? null, sinks: sinks ?? null };
}

/** Prints the summary, one call of `line` per named row. */
export function showVotes(
  { signer, logs, laneFloors, quarantine, sinks }: VotesSummary,
  line: (name: string, text: string) => void,
): void {
  line('signer', signer === null ? 'no key was bound: nothing is signed' : Buffer.from(signer).toString('hex'));
  for (const { log, at, floor } of logs) {
    const last = at === null ? 'no vote known' : `last vote at ${at.join(', ')}`;
    print(`  ${log.padEnd(9)} ${last}${floor === null ? '' : `, none at or below ${floor.join(', ')}`}`);
  }
  if (laneFloors.size > 0) line('floors', `of ${laneFloors.size} dropped or restored lanes`);
  if (sinks !== null && sinks !== undefined) line('sinks', `${sinks.quorum} of ${sinks.names.join(', ')}`);
  if (quarantine !== null && quarantine !== undefined)
    line('quarantine', styled('red', `${quarantine.parts.join(', ')}: ${quarantine.why}`));
}
