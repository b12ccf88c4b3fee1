/** The content of a store as a manifest: one JSON object, for people and for other programs. */
export {
  formatTimestamp,
  MANIFEST_SHAPE,
  type Manifest,
  type ManifestAnchor,
  type ManifestApp,
  type ManifestBlock,
  type ManifestCommitQC,
  type ManifestLaneRange,
  type ManifestShape,
  type ManifestSource,
  manifestChunks,
  manifestOf,
  type RecordIdentity,
  stateOfView,
} from './manifest.js';
export { MANIFEST_SHAPE_73F917BBD } from './manifest-73f917bbd.js';
