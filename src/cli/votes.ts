/** What a store keeps of the votes of its key, as commands show it. */
import type { StoredVotes } from '../index.js';
import { print, styled } from './output.js';

/** What `--json` prints of it. */
export interface VotesSummary {
  /** null: no key was ever bound to the store. */
  readonly signer: Uint8Array | null;
  readonly logs: readonly {
    readonly log: string;
    /** The last vote given; null if none is known. */
    readonly at: readonly bigint[] | null;
    readonly digest: Uint8Array | null;
    /** Nothing is signed at or below it. */
    readonly floor: readonly bigint[] | null;
  }[];
  readonly laneFloors: ReadonlyMap<string, bigint>;
  readonly quarantine: StoredVotes['quarantine'] | null;
  readonly sinks: StoredVotes['sinks'] | null;
}

/** The summary of what is stored. */
export function votesOf({ signer, logs, laneFloors, quarantine, sinks }: StoredVotes): VotesSummary {
  const rows = [...logs].map(([log, { watermark, floor }]) => ({
    log,
    at: watermark?.at ?? null,
    digest: watermark?.digest ?? null,
    floor: floor ?? null,
  }));
  return { signer: signer ?? null, logs: rows, laneFloors, quarantine: quarantine ?? null, sinks: sinks ?? null };
}

/** Prints it, `line` a row with a name. */
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
