/**
 * Shapes, compiled into steps. Bytes that are the same in every body (heads of maps, keys, heads of integers and of byte strings of a fixed
 * length) and the places in between that have a fixed length make up a stretch, across maps within maps. A stretch is copied in one piece
 * when it is written and compared in one pass when it is read; each step then knows its place by an offset. A stretch ends before what
 * varies in length.
 */
import { type Access, ENTRIES_MAX, type EntryShape, type MapShape, type Shape } from './shape.js';
import { byteString, map, type Piece, Template, text, UINT64_HEAD } from './template.js';

/** What a step does with one value; `count` is the head of a map of which entries may be absent. */
export type Op =
  | 'fixedBytes'
  | 'unsigned'
  | 'signed'
  | 'count'
  | 'number'
  | 'bytes'
  | 'map'
  | 'optional'
  | 'bytesList'
  | 'fixedList'
  | 'list';

/** One class for all steps: what runs them sees one hidden class. */
export class Step {
  readonly op: Op;
  /** Which of the map's values it is. */
  readonly index: number;
  /** The stretch that begins before it; the steps up to the next one have their offsets in this one. */
  stretch: Template | undefined;
  readonly offset: number;
  /** Bytes of a fixed byte string; the largest number; entries of a map that are always there. */
  readonly size: number;
  /** Of a map, of an entry that may be absent, of the items of a list. */
  readonly steps: readonly Step[];
  /** Of a fixed list: an item. */
  readonly item: Template | undefined;
  readonly access: Access | undefined;
  /** Which values may be absent. */
  readonly optional: readonly number[];
  readonly listFault: ((list: readonly never[]) => unknown) | undefined;

  constructor(op: Op, index: number, offset: number, more: Partial<Step> = {}) {
    this.op = op;
    this.index = index;
    this.stretch = more.stretch;
    this.offset = offset;
    this.size = more.size ?? 0;
    this.steps = more.steps ?? [];
    this.item = more.item;
    this.access = more.access;
    this.optional = more.optional ?? [];
    this.listFault = more.listFault;
  }
}

/** Compiles the shape of a whole body. @throws RangeError for a map that has no entries or too many. */
export function compile(shape: MapShape): Step {
  const builder = new Builder();
  const step = builder.map(shape, 0);
  builder.end();
  return step;
}

/** Puts the steps of one map after the other. */
class Builder {
  /** The stretch that is being put together, its length, and the first step in it. */
  #pieces: Piece[] = [];
  #length = 0;
  #first: Step | undefined;
  /** True once something varied in length. */
  varies = false;

  map({ entries, access }: MapShape, index: number): Step {
    if (entries.length === 0 || entries.length > ENTRIES_MAX)
      throw new RangeError(`a map of ${entries.length} entries`);
    const optional = [...entries.keys()].filter((i) => entries[i]?.presence === 'optional');
    const size = entries.length - optional.length;
    const steps: Step[] = [];
    if (optional.length === 0) this.#add(map(size));
    else steps.push(this.#placed('count', index, [{ place: 1 }], { size, optional }));
    for (const [i, entry] of entries.entries()) steps.push(this.#entry(entry, i));
    return new Step('map', index, 0, { steps, access, optional, size });
  }

  /** Ends the stretch; the next one begins behind it. */
  end(): Template | undefined {
    const stretch = this.#first === undefined ? undefined : new Template(...this.#pieces);
    if (this.#first !== undefined) this.#first.stretch = stretch;
    this.#pieces = [];
    this.#length = 0;
    this.#first = undefined;
    return stretch;
  }

  #entry({ name, shape, presence, listFault }: EntryShape, index: number): Step {
    if (presence === 'optional') {
      this.end();
      this.#add(text(name));
      const steps = [this.#value(shape, index)];
      this.end();
      this.varies = true;
      return new Step('optional', index, 0, { steps });
    }
    this.#add(text(name));
    return presence === 'repeated' ? this.#list(shape, index, listFault) : this.#value(shape, index);
  }

  #value(shape: Shape, index: number): Step {
    if (shape.is === 'map') return this.map(shape, index);
    if (shape.is === 'integer') {
      const pieces: Piece[] = shape.signed ? [{ place: 9 }] : [UINT64_HEAD, { place: 8 }];
      return this.#placed(shape.signed ? 'signed' : 'unsigned', index, pieces);
    }
    if (shape.is === 'number') return this.#varying('number', index, { size: shape.max });
    const { length } = shape;
    if (length === undefined) return this.#varying('bytes', index);
    return this.#placed('fixedBytes', index, [byteString(length), { place: length }], { size: length });
  }

  #list(shape: Shape, index: number, listFault: EntryShape['listFault']): Step {
    if (shape.is === 'bytes' && shape.length === undefined) return this.#varying('bytesList', index, { listFault });
    if (shape.is !== 'map') throw new RangeError('a list is of maps or of byte strings');
    const items = new Builder();
    const { steps, access, optional, size } = items.map(shape, 0);
    const item = items.end();
    if (items.varies || item === undefined) {
      return this.#varying('list', index, { steps, access, optional, size, listFault });
    }
    firstOf(steps).stretch = undefined;
    return this.#varying('fixedList', index, { steps, access, optional, size, item, listFault });
  }

  /** A step with a place in the stretch, which is the last one of the pieces. */
  #placed(op: Op, index: number, pieces: readonly Piece[], more: Partial<Step> = {}): Step {
    for (const piece of pieces.slice(0, -1)) this.#add(piece);
    const step = new Step(op, index, this.#length, more);
    this.#add(pieces.at(-1) as Piece);
    this.#first ??= step;
    return step;
  }

  /** A step that ends the stretch. */
  #varying(op: Op, index: number, more: Partial<Step> = {}): Step {
    const step = new Step(op, index, 0, more);
    this.#first ??= step;
    this.end();
    this.varies = true;
    return step;
  }

  #add(piece: Piece): void {
    this.#pieces.push(piece);
    this.#length += 'place' in piece ? piece.place : piece.length;
  }
}

function firstOf(steps: readonly Step[]): Step {
  const step = steps[0] as Step;
  return step.op === 'map' ? firstOf(step.steps) : step;
}
