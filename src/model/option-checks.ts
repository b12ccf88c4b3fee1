/** Checks of options that many functions have: the model, and checks of entries. */
import {
  type Check,
  callback,
  fields,
  mismatch,
  oneOf,
  outOfRange,
  required,
  wholeNumber,
  withMethods,
} from '../base/options.js';
import type { EntryChecks } from './checks.js';
import type {
  AnchorModel,
  BlockModel,
  CommitQCModel,
  EntryCodec,
  InnerModel,
  Model,
  VoteLog,
  VoteModel,
} from './model.js';
import { isRaw, rawModel } from './raw.js';

const CODEC = ['check', 'toBody', 'fromBody', 'toWire', 'fromWire'] as const satisfies (keyof EntryCodec<unknown>)[];

const block = withMethods<BlockModel<unknown>>('the model of a block', ...CODEC, 'lane', 'number');
const commitQC = withMethods<CommitQCModel<unknown>>('the model of a CommitQC', ...CODEC, 'index', 'laneStarts');
const anchor = withMethods<AnchorModel<unknown, unknown>>('the model of an anchor', ...CODEC, 'index', 'commitQC');
const inner = withMethods<InnerModel>('the model of inner', 'check');
const votes = withMethods<VoteModel<unknown, unknown, unknown>>(
  'the model of votes',
  'check',
  'place',
  'digest',
  'laneVote',
  'blockOf',
  'isOwnLane',
  'signed',
  'opened',
  'keyOf',
);

/** Checks that a model has the properties that a store uses. It may have more. */
export const checkModel: Check<Model<unknown, unknown, unknown>> = (value, name) => {
  const model = value as Partial<Model<unknown, unknown, unknown>>;
  if (typeof value !== 'object' || value === null || typeof model.name !== 'string') {
    throw mismatch(name, 'a model, such as autobahn', value);
  }
  if (isRaw(model)) throw mismatch(name, 'a model that decodes entries: only views and verify take rawModel', value);
  block(model.block, `${name}.block`);
  commitQC(model.commitQC, `${name}.commitQC`);
  anchor(model.anchor, `${name}.anchor`);
  if (model.inner !== undefined) inner(model.inner, `${name}.inner`);
  if (model.votes !== undefined) {
    votes(model.votes, `${name}.votes`);
    checkVoteLogs(model.votes.logs, `${name}.votes.logs`);
  }
  return value as Model<unknown, unknown, unknown>;
};

const LOGS_MAX = 16;
const LOG_NAME = /^[a-z0-9-]{1,32}$/;
const ARITY_MAX = 3;

/**
 * Checks the logs of a model of votes.
 * @throws TypeError for a value that is not a table of logs; LANESTORE_INVALID for names and
 * arities out of range.
 */
function checkVoteLogs(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) throw mismatch(name, 'a table of logs', value);
  const logs = Object.entries(value);
  if (logs.length > LOGS_MAX) throw outOfRange(name, `a table of at most ${LOGS_MAX} logs`, `${logs.length} logs`);
  for (const [log, row] of logs) {
    if (!LOG_NAME.test(log)) throw outOfRange(`a key of ${name}`, '1 to 32 of a-z, 0-9 and -', log.slice(0, 64));
    checkVoteLog(row, `${name}.${log}`);
  }
}

const checkVoteLog = fields<VoteLog>({
  arity: required(wholeNumber(1, ARITY_MAX)),
  part: required(oneOf('rounds', 'app')),
});

/** The option `model` of all functions that have it. */
export const MODEL_CHECK = { model: required(checkModel) };

/** The option `model` of what only reads a store. */
export const READ_MODEL_CHECK = {
  model: required<Model<unknown, unknown, unknown>>((value, name) =>
    value === rawModel ? rawModel : checkModel(value, name),
  ),
};

/** Checks of entries. */
export const checkEntryChecks = fields<EntryChecks<unknown, unknown, unknown>>({
  block: callback(),
  commitQC: callback(),
  anchor: callback(),
  row: callback(),
  inner: callback(),
});
