/** Writing bodies by steps: each value is checked on its way, and read once. */
import type { BodyWriter } from './body-writer.js';
import type { Access } from './shape.js';
import type { Step } from './steps.js';
import { map, NEGATIVE64, UINT64 } from './template.js';

const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;
const U64_MAX = 2n ** 64n - 1n;
const MAP = map(0)[0] as number;

/** Writes an object as the map of `step`; false at the first thing that does not fit: what was written is then to be forgotten. */
export function writeMap(to: BodyWriter, { access, steps }: Step, object: unknown): boolean {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return false;
  return writeSteps(to, steps, (access as Access).take(object));
}

function writeSteps(to: BodyWriter, steps: readonly Step[], values: readonly unknown[]): boolean {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as Step;
    const { op, offset, stretch } = step;
    const value = values[step.index];
    if (stretch !== undefined) to.stretch(stretch.bytes);
    switch (op) {
      case 'fixedBytes':
        if (!(value instanceof Uint8Array) || value.length !== step.size) return false;
        to.fillBytes(offset, value);
        break;
      case 'unsigned':
        if (typeof value !== 'bigint' || value < 0n || value > U64_MAX) return false;
        to.fillBigint(offset, value);
        break;
      case 'signed': {
        if (typeof value !== 'bigint' || value < I64_MIN || value > I64_MAX) return false;
        const isNegative = value < 0n;
        to.fillByte(offset, isNegative ? NEGATIVE64 : UINT64);
        to.fillBigint(offset + 1, isNegative ? -1n - value : value);
        break;
      }
      case 'map':
        if (!writeMap(to, step, value)) return false;
        break;
      case 'count':
        to.fillByte(offset, MAP | (step.size + present(values, step.optional)));
        break;
      case 'number':
        if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > step.size) return false;
        to.number(value);
        break;
      case 'bytes':
        if (!(value instanceof Uint8Array)) return false;
        to.bytes(value);
        break;
      case 'optional':
        if (value !== undefined && !writeSteps(to, step.steps, values)) return false;
        break;
      default:
        if (!Array.isArray(value) || !writeList(to, step, value as never[])) return false;
    }
  }
  return true;
}

function writeList(to: BodyWriter, step: Step, list: readonly never[]): boolean {
  const { op, item, listFault } = step;
  const { length } = list;
  to.array(length);
  if (op === 'fixedList' && item !== undefined) {
    const { bytes } = item;
    to.stretch(bytes, length);
    for (let i = 0; i < length; i++) {
      if (!writeMap(to, step, list[i])) return false;
      to.advance(bytes.length);
    }
  } else if (op === 'bytesList') {
    for (let i = 0; i < length; i++) {
      const bytes: unknown = list[i];
      if (!(bytes instanceof Uint8Array)) return false;
      to.bytes(bytes);
    }
  } else for (let i = 0; i < length; i++) if (!writeMap(to, step, list[i])) return false;
  return listFault === undefined || listFault(list) === undefined;
}

/** How many of the values that may be absent are there. */
export function present(values: readonly unknown[], optional: readonly number[]): number {
  let count = 0;
  for (let i = 0; i < optional.length; i++) if (values[optional[i] as number] !== undefined) count++;
  return count;
}
