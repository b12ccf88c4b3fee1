/** The content of a store as a manifest: one JSON object, for people and for other programs. */
export { formatTimestamp, type ManifestBlock, type ManifestLaneRange, type RecordIdentity } from './lines.js';
export {
  MANIFEST_SHAPE,
  type Manifest,
  type ManifestAnchor,
  type ManifestApp,
  type ManifestCommitQC,
  type ManifestShape,
  type ManifestSource,
  manifestChunks,
  manifestOf,
  stateOfView,
} from './manifest.js';
export { MANIFEST_SHAPE_73F917BBD } from './manifest-73f917bbd.js';
