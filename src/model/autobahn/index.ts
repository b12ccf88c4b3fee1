/** The version of the Autobahn protocol that this package offers as `lanestore/model/autobahn`; the only place that chooses. */
export * from './11419398f/index.js';
