/** Checks of options that many functions have: the model, and checks of entries. */
import { type Check, callback, fields, mismatch, required, withMethods } from '../base/options.js';
import type { EntryChecks } from './checks.js';
import type { AnchorModel, BlockModel, CommitQCModel, EntryCodec, InnerModel, Model } from './model.js';

const CODEC = ['check', 'toBody', 'fromBody', 'toWire', 'fromWire'] as const satisfies (keyof EntryCodec<unknown>)[];

const block = withMethods<BlockModel<unknown>>('the model of a block', ...CODEC, 'lane', 'number');
const commitQC = withMethods<CommitQCModel<unknown>>('the model of a CommitQC', ...CODEC, 'index', 'laneStarts');
const anchor = withMethods<AnchorModel<unknown, unknown>>('the model of an anchor', ...CODEC, 'index', 'commitQC');
const inner = withMethods<InnerModel>('the model of inner', 'check');

/** A model: what a store calls is there. It may have more. */
export const checkModel: Check<Model<unknown, unknown, unknown>> = (value, name) => {
  const model = value as Partial<Model<unknown, unknown, unknown>>;
  if (typeof value !== 'object' || value === null || typeof model.name !== 'string') {
    throw mismatch(name, 'a model, such as autobahn', value);
  }
  block(model.block, `${name}.block`);
  commitQC(model.commitQC, `${name}.commitQC`);
  anchor(model.anchor, `${name}.anchor`);
  if (model.inner !== undefined) inner(model.inner, `${name}.inner`);
  return value as Model<unknown, unknown, unknown>;
};

/** The option `model` of all functions that have it. */
export const MODEL_CHECK = { model: required(checkModel) };

/** Checks of entries. */
export const checkEntryChecks = fields<EntryChecks<unknown, unknown, unknown>>({
  block: callback(),
  commitQC: callback(),
  anchor: callback(),
  inner: callback(),
});
