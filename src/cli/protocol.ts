/** What commands need of a node's types. */
import type { EntryChecks, Model } from '../index.js';
import type { ManifestShape } from '../inspector/index.js';

type Hashes = Readonly<Record<string, Uint8Array>>;

/** A version of the protocol, as far as commands need it. */
export interface Protocol<B, Q, A> {
  readonly model: Model<B, Q, A>;
  readonly manifest: ManifestShape<B, Q, A>;
  /** Checks of entries; with a committee file, of signatures too. */
  readonly checks: (committeeFile?: string) => Promise<EntryChecks<B, Q, A>>;
  /** The hashes by which the network identifies an entry. */
  readonly hashes: {
    readonly block: (block: B) => Hashes;
    readonly commitQC: (qc: Q) => Hashes;
    readonly anchor: (anchor: A) => Hashes;
  };
}
