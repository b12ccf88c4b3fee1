/** `--model FILE`: a node's own types, as a module that exports its model. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openNoop } from '../adapter/index.js';
import { isLanestoreError, LanestoreError } from '../errors.js';
import type { EntryChecks, Model } from '../index.js';
import { UsageError } from './command-error.js';
import { plain, toJson } from './output.js';
import type { Protocol } from './protocol.js';

type Checks = EntryChecks<unknown, unknown, unknown>;

const CHECKS: readonly (keyof Checks)[] = ['block', 'commitQC', 'anchor', 'row', 'inner'];

/** The types that the module `file` exports. @throws LANESTORE_INVALID, which names the fault. */
export async function loadModel(file: string): Promise<Protocol<unknown, unknown, unknown>> {
  const path = resolve(file);
  if (!existsSync(path)) throw invalid(`there is no file ${file}`);
  let module: { readonly model?: unknown; readonly checks?: unknown };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (cause) {
    throw invalid(`${file} cannot be loaded: ${textOf(cause)}`, cause);
  }
  if (module.model === undefined) throw invalid(`${file} does not export "model"`);
  const model = await checkedModel(module.model, file);
  const { checks } = module;
  if (checks !== undefined && typeof checks !== 'function') checkChecks(checks, file);
  return {
    model,
    manifest: shapeOf(model),
    async checks(committeeFile) {
      if (typeof checks === 'function') return checkChecks(await checks(committeeFile), file);
      if (committeeFile !== undefined)
        throw new UsageError(`--committee: ${file} must export "checks" as a function of a file's name`);
      return (checks ?? {}) as Checks;
    },
    hashes: { block: () => ({}), commitQC: () => ({}), anchor: () => ({}) },
  };
}

async function checkedModel(model: unknown, file: string): Promise<Model<unknown, unknown, unknown>> {
  try {
    const store = await openNoop({ model: model as Model<unknown, unknown, unknown> });
    await store.close();
  } catch (cause) {
    if (!(cause instanceof TypeError) && !isLanestoreError(cause)) throw cause;
    throw invalid(`${file}: ${cause.message.replace('openNoop: options.', '')}`, cause);
  }
  return model as Model<unknown, unknown, unknown>;
}

function checkChecks(checks: unknown, file: string): Checks {
  if (typeof checks !== 'object' || checks === null)
    throw invalid(`${file}: checks must be an object of functions, or a function that returns one`);
  for (const [name, check] of Object.entries(checks)) {
    if (!(CHECKS as readonly string[]).includes(name) || typeof check !== 'function')
      throw invalid(`${file}: checks.${name} must be a function, and one of ${CHECKS.join(', ')}`);
  }
  return checks;
}

/** The manifest's form of entries: the bodies of their records. */
function shapeOf<B, Q, A>({ block, commitQC, anchor }: Model<B, Q, A>): Protocol<B, Q, A>['manifest'] {
  const body = (value: object) => plain(value) as object;
  return {
    anchor: (entry) => ({ index: String(anchor.index(entry)), body: body(anchor.toBody(entry)) }),
    commitQCOf: (entry) => anchor.commitQC(entry),
    commitQC: (entry) => ({ index: String(commitQC.index(entry)), body: body(commitQC.toBody(entry)) }),
    block: (entry) => ({ number: String(block.number(entry)), body: body(block.toBody(entry)) }),
  };
}

function invalid(message: string, cause?: unknown): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `--model: ${message}`, {
    ...(cause === undefined ? {} : { cause }),
    remedy:
      'give a JavaScript module that exports `model`, a Model as docs/embedding.md describes; nothing was changed',
  });
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : toJson(thrown);
}
