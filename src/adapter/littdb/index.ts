/** Reads the block store of the original at 73f917bbd (LittDB); nothing of it is changed. */
export {
  BLOCK_STORE_DIR,
  type BlockStore,
  damaged,
  findingAt,
  type RowKind,
  readBlockStore,
  type StoredRow,
} from './block-store.js';
