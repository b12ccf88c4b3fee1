/** Stretches, see compile.ts. */
import { type Piece, Template } from './template.js';

const NOTHING = new Template();

/** A stretch that is being put together. */
export class Stretch {
  readonly #pieces: Piece[] = [];
  #hasBegun = false;
  length = 0;
  /** All of it, once it has ended. */
  template = NOTHING;
  bytes = NOTHING.bytes;

  add(piece: Piece): void {
    this.#pieces.push(piece);
    this.length += 'place' in piece ? piece.place : piece.length;
  }

  /** Itself, the first time. */
  begin(): this | undefined {
    if (this.#hasBegun) return undefined;
    this.#hasBegun = true;
    return this;
  }

  end(): void {
    this.template = new Template(...this.#pieces);
    this.bytes = this.template.bytes;
  }
}
