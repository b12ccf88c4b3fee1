/** The offline view: what reading tools use, also while a node runs. */
export { openView, type ViewOptions } from './open-view.js';
export type * from './store-view.js';
