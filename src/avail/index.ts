/**
 * The node side: the state of lanes, votes and QCs that a validator may act on, and the loop that
 * makes it durable.
 */
export type { Epoch } from './epochs.js';
export { BLOCKS_PER_COMMIT, BLOCKS_PER_LANE } from './lane.js';
export type { LoadReport } from './load.js';
export type { AvailOptions } from './options.js';
export type { NodeStore } from './persist-loop.js';
export type { DropCounts, Pushed } from './pushes.js';
export { AvailState, openAvail } from './state.js';
export type { BlockStream, HeaderStream } from './streams.js';
