/**
 * The version of the Autobahn protocol that is exported as `lanestore/model/autobahn`. Only this
 * file selects it.
 */
export * from './11419398f/index.js';
