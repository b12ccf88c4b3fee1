/**
 * What imports and exports use of this backend beyond its public entry: names, encodings, and
 * readers of both.
 */
export { type ABScan, fileOf, scanAB } from './ab-file.js';
export { encodeAB } from './ab-format.js';
export { encodeFrame, readFrame } from './frame.js';
export { SEGMENT_BYTES } from './indexed-wal.js';
export { reading, systemCode } from './io.js';
export {
  ANCHOR_PREFIX,
  BLOCKS_DIR,
  COMMIT_QCS_DIR,
  INNER_PREFIX,
  isNoLane,
  listLanes,
  PAIR_FILES,
  typeInState,
} from './layout.js';
export { readListing, segmentName } from './names.js';
export { findNewerNode } from './newer-node.js';
export { scanPairs } from './pairs.js';
export { closing, PRIVATE_MODE, SEGMENT_MODE } from './repair.js';
export { readSeiwal, recordsOf, type SeiwalLog } from './seiwal/log.js';
export { isCompanion, isLogFile } from './seiwal/names.js';
export { blockCodec, commitQCCodec } from './state.js';
export { type LogOutline, outlineLog, SegmentReader, streamLog } from './stream.js';
