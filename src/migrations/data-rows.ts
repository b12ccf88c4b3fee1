/**
 * The data layer's rows in a state of the layout `sei-73f917bbd`: decoded, and the newest full row,
 * which is the anchor.
 */
import { type BlockStore, damaged, type RowKind, type StoredRow } from '../adapter/littdb/index.js';
import type { Finding } from '../errors.js';
import { isLanestoreError } from '../errors.js';
import {
  type AppProposal,
  type AppQC,
  type Block,
  codecs,
  type DataRow,
  type FullCommitQC,
  globalRange,
  headerHash,
  isFullRow,
  type PruneAnchor,
  verifyRow,
} from '../model/autobahn/73f917bbd/index.js';
import type { EntryCodec } from '../model/model.js';

const CODECS = {
  fullCommitQC: codecs.fullCommitQC,
  block: codecs.block,
  appProposal: codecs.appProposal,
  appQC: codecs.appQC,
} as const satisfies Record<RowKind, unknown>;

/** A decoded value of the block store. */
export interface RowEntry {
  readonly entry: FullCommitQC | Block | AppProposal | AppQC;
  /** As protobuf, without the head of the value. */
  readonly wire: Uint8Array;
}

/** A row, and its place for messages; or why it cannot be read. */
export type ReadRow =
  | { readonly row: DataRow; readonly place: Pick<Finding, 'file' | 'offset' | 'number'> }
  | { readonly findings: readonly Finding[] };

/** The rows of a block store. */
export class DataRows {
  /** All values, by kind, ascending. */
  readonly stored: BlockStore['rows'];
  readonly #store: BlockStore;

  constructor(store: BlockStore) {
    this.#store = store;
    this.stored = store.rows;
  }

  /** Reads a value. @throws LANESTORE_CORRUPT with a finding; LANESTORE_IO. */
  async read(row: StoredRow): Promise<RowEntry> {
    const wire = await this.#store.read(row);
    const codec = CODECS[row.kind] as EntryCodec<RowEntry['entry']>;
    try {
      return { entry: codec.fromWire(wire), wire };
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_INVALID')) throw error;
      throw damaged(row, 'entry-undecodable', error.message);
    }
  }

  /** All rows, ascending, each with its parts. @throws LANESTORE_IO. */
  async *rows(): AsyncGenerator<ReadRow, void, void> {
    for (const qc of this.stored.fullCommitQC) yield await this.#rowOrFindings(qc);
  }

  /**
   * The anchor: the newest row with an AppQC, whose parts must all be there and belong together.
   * Undefined if there is no AppQC.
   * @throws LANESTORE_CORRUPT with a finding; LANESTORE_IO.
   */
  async anchor(): Promise<PruneAnchor | undefined> {
    const appQC = this.stored.appQC.at(-1);
    if (appQC === undefined) return undefined;
    const qc = this.stored.fullCommitQC.find(({ first }) => first === appQC.first);
    if (qc === undefined) throw damaged(appQC, 'entries-missing', 'the CommitQC of its row is not there');
    const row = await this.#row(qc);
    if (!isFullRow(row)) throw damaged(appQC, 'entries-missing', 'its row lacks blocks or the AppProposal');
    try {
      verifyRow(row);
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_VERIFY')) throw error;
      throw damaged(
        qc,
        'entry-undecodable',
        `the parts of the newest full row do not belong together: ${error.message}`,
      );
    }
    return { appQC: row.appQC!, commitQC: row.qc.qc };
  }

  async #rowOrFindings(qc: StoredRow): Promise<ReadRow> {
    try {
      const { file, offset, first } = qc;
      return { row: await this.#row(qc), place: { file, offset, number: first } };
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_CORRUPT')) throw error;
      return { findings: error.findings ?? [] };
    }
  }

  async #row(stored: StoredRow): Promise<DataRow> {
    const { block, appProposal, appQC } = this.stored;
    const qc = (await this.read(stored)).entry as FullCommitQC;
    const { first, next } = globalRange(qc.qc.vote);
    if (first !== stored.first || next !== stored.next) {
      throw damaged(
        stored,
        'entry-name',
        `its value orders [${first}, ${next}), its keys say [${stored.first}, ${stored.next})`,
      );
    }
    const blocks: Block[] = [];
    for (const row of between(block, first, next)) blocks.push(await this.#block(row));
    const [proposal] = between(appProposal, first, next);
    const [proof] = between(appQC, first, next);
    return {
      qc,
      blocks,
      ...(proposal === undefined ? {} : { appProposal: (await this.read(proposal)).entry as AppProposal }),
      ...(proof === undefined ? {} : { appQC: (await this.read(proof)).entry as AppQC }),
    };
  }

  async #block(row: StoredRow): Promise<Block> {
    const block = (await this.read(row)).entry as Block;
    if (row.headerHash === undefined || Buffer.compare(row.headerHash, headerHash(block.header)) === 0) return block;
    throw damaged(row, 'entry-name', 'its header has another hash than its key says');
  }
}

/** The rows that begin in [first, next). They ascend. */
function between(rows: readonly StoredRow[], first: bigint, next: bigint): readonly StoredRow[] {
  const [from, to] = [first, next].map((number) => firstAtOrAfter(rows, number));
  return rows.slice(from, to);
}

/** Index of the first row at or above `number`. */
function firstAtOrAfter(rows: readonly StoredRow[], number: bigint): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.first < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
