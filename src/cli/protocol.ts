/** The interface of a version of the protocol, or of a node's own types, for commands. */
import type { EntryChecks, Model } from '../index.js';
import type { ManifestShape } from '../inspector/index.js';

type Hashes = Readonly<Record<string, Uint8Array>>;

/** The parts of a version of the protocol that commands use. */
export interface Protocol<B, Q, A> {
  readonly model: Model<B, Q, A>;
  readonly manifest: ManifestShape<B, Q, A>;
  /** The checks of entries; with a committee file, they include signatures. */
  readonly checks: (committeeFile?: string) => Promise<EntryChecks<B, Q, A>>;
  /** The hashes by which the network identifies an entry. */
  readonly hashes: {
    readonly block: (block: B) => Hashes;
    readonly commitQC: (qc: Q) => Hashes;
    readonly anchor: (anchor: A) => Hashes;
  };
}
