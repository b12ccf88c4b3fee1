/** The key space of a store: the keys, and how they are encoded and parsed. Pure. */
export * from './encode.js';
export * from './lane-id.js';
export { type LogName, QC_LOG } from './log-name.js';
export * from './parse.js';
export * from './registry.js';
export * from './u64.js';
