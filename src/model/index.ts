/** What a model is. The one that ships is `lanestore/model/autobahn`. */
export type * from './checks.js';
export type * from './model.js';
