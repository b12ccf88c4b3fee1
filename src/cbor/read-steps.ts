/**
 * Reading bodies by steps: exactly the bytes that the same steps write. Anything else gives undefined, and the caller decodes it in another
 * way, which reads it or says what is wrong.
 */
import type { Access } from './shape.js';
import type { Step } from './steps.js';
import { integerAt, type Template, UINT64 } from './template.js';
import { present } from './write-steps.js';

const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;
const NUMBER_HEAD = 0x00;
const BYTES_HEAD = 0x40;
const ARRAY_HEAD = 0x80;
const MAP_HEAD = 0xa0;

/** The object whose map `body` is. Its byte strings share the memory of `body`. */
export function readBody(step: Step, body: Uint8Array): object | undefined {
  const from = new Reading(body);
  const object = readMap(from, step);
  return from.isAtEnd ? object : undefined;
}

/** Values of a map, its count behind them. */
const COUNT = 6;

function readMap(from: Reading, { steps, access, optional, size }: Step): object | undefined {
  const values: unknown[] = [undefined, undefined, undefined, undefined, undefined, undefined, size];
  if (!readSteps(from, steps, values)) return undefined;
  if (optional.length > 0 && values[COUNT] !== size + present(values, optional)) return undefined;
  return (access as Access).make(values[0], values[1], values[2], values[3], values[4], values[5]);
}

function readSteps(from: Reading, steps: readonly Step[], values: unknown[]): boolean {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as Step;
    const { op, offset, stretch, index } = step;
    if (stretch !== undefined && !from.pass(stretch)) return false;
    switch (op) {
      case 'fixedBytes':
        values[index] = from.placeBytes(offset, step.size);
        break;
      case 'unsigned':
        values[index] = from.placeUnsigned(offset);
        break;
      case 'signed': {
        const value = from.placeSigned(offset);
        if (value === undefined || value < I64_MIN || value > I64_MAX) return false;
        values[index] = value;
        break;
      }
      case 'map': {
        const object = readMap(from, step);
        if (object === undefined) return false;
        values[index] = object;
        break;
      }
      case 'count':
        values[COUNT] = from.placeByte(offset) - MAP_HEAD;
        break;
      case 'number': {
        const value = from.head(NUMBER_HEAD);
        if (value < 0 || value > step.size) return false;
        values[index] = value;
        break;
      }
      case 'bytes': {
        const value = from.byteString();
        if (value === undefined) return false;
        values[index] = value;
        break;
      }
      case 'optional':
        if (from.isAt(firstStretch(step)) && !readSteps(from, step.steps, values)) return false;
        break;
      default: {
        const list = readList(from, step);
        if (list === undefined) return false;
        values[index] = list;
      }
    }
  }
  return true;
}

function firstStretch({ steps }: Step): Template {
  const step = steps[0] as Step;
  return step.stretch ?? firstStretch(step);
}

function readList(from: Reading, step: Step): unknown[] | undefined {
  const { op, item, listFault } = step;
  const length = from.head(ARRAY_HEAD);
  if (length < 0) return undefined;
  const list: unknown[] = [];
  for (let i = 0; i < length; i++) {
    if (item !== undefined && !from.pass(item)) return undefined;
    const read = op === 'bytesList' ? from.byteString() : readMap(from, step);
    if (read === undefined) return undefined;
    list.push(read);
  }
  return listFault?.(list as never[]) === undefined ? list : undefined;
}

/** A body, and how far it was read. */
class Reading {
  readonly #body: Uint8Array;
  #at = 0;
  /** Where the stretch that was passed last begins. */
  #base = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#body.length;
  }

  /** Goes on behind a stretch; false if something else comes. What is in the places is for the caller to check. */
  pass(stretch: Template): boolean {
    const at = this.#at;
    if (!stretch.standsAt(this.#body, at)) return false;
    this.#base = at;
    this.#at = at + stretch.bytes.length;
    return true;
  }

  isAt(stretch: Template): boolean {
    return stretch.standsAt(this.#body, this.#at);
  }

  placeByte(offset: number): number {
    return this.#body[this.#base + offset] as number;
  }

  placeBytes(offset: number, length: number): Uint8Array {
    return this.#bytes(this.#base + offset, length);
  }

  placeUnsigned(offset: number): bigint {
    return integerAt(this.#body, this.#base + offset, UINT64);
  }

  placeSigned(offset: number): bigint | undefined {
    const at = this.#base + offset;
    return integerAt(this.#body, at + 1, this.#body[at] as number);
  }

  /** The number in a head of up to 32 bits in its shortest form; -1 for anything else. */
  head(major: number): number {
    const first = this.#body[this.#at] ?? 0xff;
    const info = first - major;
    if (info >= 0 && info < 24) {
      this.#at += 1;
      return info;
    }
    const length = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : 0;
    if (length === 0 || this.#at + 1 + length > this.#body.length) return -1;
    let value = 0;
    for (let i = 1; i <= length; i++) value = value * 0x100 + (this.#body[this.#at + i] as number);
    this.#at += 1 + length;
    return value >= (length === 1 ? 24 : length === 2 ? 0x100 : 0x10000) ? value : -1;
  }

  byteString(): Uint8Array | undefined {
    const length = this.head(BYTES_HEAD);
    const at = this.#at;
    if (length < 0 || at + length > this.#body.length) return undefined;
    this.#at = at + length;
    return this.#bytes(at, length);
  }

  /** Bytes of the body, which the caller knows to be there. Not `subarray`, which takes several times as long. */
  #bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#body.buffer, this.#body.byteOffset + at, length);
  }
}
