/** The content of a store as a manifest: one JSON object, for people and for other programs. */
export * from './manifest.js';
