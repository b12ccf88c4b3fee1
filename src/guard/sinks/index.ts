/** The sinks of this package, and the server for sinks on other hosts. */
export { type FileWitnessOptions, fileWitness } from './file.js';
export { type HttpWitnessOptions, httpWitness } from './http.js';
export { type PostgresWitnessOptions, postgresWitness } from './postgres.js';
export { openWitnessServer, type WitnessServer, type WitnessServerOptions } from './server.js';
