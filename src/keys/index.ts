/** The key space of a store: what keys there are, how they are written and read. Pure. */
export * from './encode.js';
export * from './lane-id.js';
export { type LogName, QC_LOG } from './log-name.js';
export * from './parse.js';
export * from './registry.js';
export * from './u64.js';
