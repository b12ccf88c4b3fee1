/**
 * The inferred types of a model, and the mistakes that the compiler must detect. Nothing here runs:
 * `npm run build:test` fails if a type differs, or if a line that is marked as a mistake compiles.
 */
import { type Batch, type Certificate, type Checkpoint, ledger } from '../../examples/own-types/model.js';
import { casesFor } from '../../src/conformance/index.js';
import {
  autobahn,
  type CommitQC,
  isLanestoreError,
  type LanestoreErrorCode,
  type LevelStore,
  openAvail,
  openLevel,
  openNoop,
  openView,
  openWal,
  type Persistence,
  type PruneAnchor,
  type Recovered,
  type SignedBlock,
  type StoreView,
} from '../../src/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if the type is `true`. */
function holds<_Claim extends true>(): void {}

export async function models(): Promise<void> {
  const store = await openLevel('location', { model: ledger });
  holds<Equal<typeof store, LevelStore<Batch, Certificate, Checkpoint>>>();
  const recovered = store.takeRecovered();
  holds<Equal<typeof recovered, Recovered<Batch, Certificate, Checkpoint>>>();
  const view = await openView('location', { model: autobahn });
  holds<Equal<typeof view, StoreView<SignedBlock, CommitQC, PruneAnchor>>>();
  const noop = await openNoop({ model: autobahn });
  holds<Equal<typeof noop, Persistence<SignedBlock, CommitQC, PruneAnchor>>>();
  // Every backend is the port.
  const ports: Persistence<Batch, Certificate, Checkpoint>[] = [store, await openWal('directory', { model: ledger })];
  // @ts-expect-error: another model's entries
  const mismatched: Persistence<SignedBlock, CommitQC, PruneAnchor> = store;
  // @ts-expect-error: the model is missing
  await openLevel('location', {});
  // @ts-expect-error: no such option
  await openLevel('location', { model: ledger, maxLane: 1 });
  // @ts-expect-error: a node of Autobahn has Autobahn's types
  await openAvail({ store });
  // @ts-expect-error: makers and features are missing
  casesFor({ model: ledger });
  await Promise.all([...ports, mismatched].map((port) => port.close()));
}

export async function rounds(batch: Batch, certificate: Certificate, checkpoint: Checkpoint): Promise<void> {
  const store = await openNoop({ model: ledger });
  await store.persist({
    anchor: checkpoint,
    inner: new Uint8Array(1),
    commitQCs: [certificate],
    blocks: new Set([batch]),
  });
  await store.persist(
    { blocks: [batch] },
    {
      block: (entry) => holds<Equal<typeof entry, Batch>>(),
      commitQC: (entry) => holds<Equal<typeof entry, Certificate>>(),
      anchor: (entry) => holds<Equal<typeof entry, Checkpoint>>(),
    },
  );
  await store.blocks.maybePruneAndPersistLane('00', certificate, [batch], (entry) =>
    holds<Equal<typeof entry, Batch>>(),
  );
  // @ts-expect-error: a certificate is no block
  await store.persist({ blocks: [certificate] });
  // @ts-expect-error: no such part
  await store.persist({ block: [batch] });
  // @ts-expect-error: no such hook
  await store.persist({ blocks: [batch] }, { blocks: () => undefined });
  // @ts-expect-error: text is no bytes
  await store.persist({ inner: 'text' });
  // @ts-expect-error: a promise is no anchor
  await store.anchor.persist(Promise.resolve(checkpoint));
  // @ts-expect-error: read only
  store.cursors.commitQCs.next = 1n;
}

export function errors(error: unknown): void {
  if (!isLanestoreError(error)) return;
  holds<Equal<typeof error.code, LanestoreErrorCode>>();
  // @ts-expect-error: no such code
  if (error.code === 'LANESTORE_BROKEN') return;
  // @ts-expect-error: no such code
  isLanestoreError(error, 'LANESTORE_BROKEN');
}
