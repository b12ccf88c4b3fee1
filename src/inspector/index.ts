/** Looking into a store: what it holds, in forms for people and for other programs. */
export * from './manifest.js';
