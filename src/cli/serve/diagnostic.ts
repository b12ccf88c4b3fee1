/**
 * CBOR in diagnostic notation (RFC 8949, section 8), made from the bytes. It shows what is stored
 * even if no model can decode it. The text is bounded: byte strings are cut, and the text ends
 * after {@link CHARS_MAX} characters.
 */

/** Upper bound in characters of the text. */
const CHARS_MAX = 65_536;
/** Upper bound of the bytes that are shown of a byte string. */
const BYTES_MAX = 48;
const DEPTH_MAX = 32;
const INDEFINITE = 31;
const BREAK = 0xff;
/** Simple values with a name. */
const NAMED: Readonly<Record<number, string>> = { 20: 'false', 21: 'true', 22: 'null', 23: 'undefined' };

/** The diagnostic notation of the CBOR items in `bytes`. A remark follows if it stops early. */
export function diagnostic(bytes: Uint8Array): string {
  const printer = new Printer(bytes);
  try {
    printer.item('', 0);
    if (!printer.atEnd) printer.text += `\n/ ${bytes.length - printer.at} bytes follow /`;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    printer.text += `\n/ ${error.message} at byte ${printer.at} of ${bytes.length} /`;
  }
  return printer.text;
}

class Stop extends Error {}

class Printer {
  text = '';
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  item(indent: string, depth: number): void {
    if (depth > DEPTH_MAX) throw new Stop('nested deeper');
    const head = this.#byte();
    const [major, info] = [head >> 5, head & 31];
    if (major === 7) this.#simple(info);
    else if (info === INDEFINITE && major >= 2 && major <= 5) this.#indefinite(major, indent, depth);
    else this.#definite(major, this.#argument(info), indent, depth);
  }

  #definite(major: number, argument: bigint, indent: string, depth: number): void {
    if (major === 0) this.#put(String(argument));
    else if (major === 1) this.#put(String(-1n - argument));
    else if (major < 4) this.#string(major, argument);
    else if (major < 6) this.#items(major, argument, indent, depth);
    else {
      this.#put(`${argument}(`);
      this.item(indent, depth + 1);
      this.#put(')');
    }
  }

  #items(major: number, count: bigint, indent: string, depth: number): void {
    const [open, close] = major === 4 ? ['[', ']'] : ['{', '}'];
    this.#put(open);
    const inner = `${indent}  `;
    for (let i = 0n; i < count; i++) this.#element(major, i > 0n, inner, depth);
    this.#put(count === 0n ? close : `\n${indent}${close}`);
  }

  #indefinite(major: number, indent: string, depth: number): void {
    const [open, close] = major === 4 ? ['[', ']'] : major === 5 ? ['{', '}'] : ['(', ')'];
    this.#put(`${open}_ `);
    for (let i = 0; this.#bytes[this.at] !== BREAK; i++) this.#element(major, i > 0, `${indent}  `, depth);
    this.at++;
    this.#put(close);
  }

  #element(major: number, isLater: boolean, indent: string, depth: number): void {
    this.#put(`${isLater ? ',' : ''}\n${indent}`);
    this.item(indent, depth + 1);
    if (major !== 5) return;
    this.#put(': ');
    this.item(indent, depth + 1);
  }

  #string(major: number, length: bigint): void {
    if (length > BigInt(this.#bytes.length - this.at)) throw new Stop('a string is cut off');
    const bytes = this.#bytes.subarray(this.at, this.at + Number(length));
    this.at += bytes.length;
    if (major === 3) {
      const text = JSON.stringify(Buffer.from(bytes.subarray(0, CHARS_MAX)).toString('utf8'));
      this.#put(bytes.length > CHARS_MAX ? `${text} / ${bytes.length} bytes /` : text);
    } else {
      const hex = Buffer.from(bytes.subarray(0, BYTES_MAX)).toString('hex');
      this.#put(bytes.length > BYTES_MAX ? `h'${hex}…' / ${bytes.length} bytes /` : `h'${hex}'`);
    }
  }

  #simple(info: number): void {
    const named = NAMED[info];
    if (named !== undefined) this.#put(named);
    else if (info === 25) this.#put(`${half(this.#number(2, (at) => this.#view.getUint16(at)))}_1`);
    else if (info === 26) this.#put(`${this.#number(4, (at) => this.#view.getFloat32(at))}_2`);
    else if (info === 27) this.#put(`${this.#number(8, (at) => this.#view.getFloat64(at))}_3`);
    else if (info > 27) throw new Stop('malformed CBOR');
    else this.#put(`simple(${this.#argument(info)})`);
  }

  #argument(info: number): bigint {
    if (info < 24) return BigInt(info);
    if (info === 24) return BigInt(this.#byte());
    if (info === 25) return BigInt(this.#number(2, (at) => this.#view.getUint16(at)));
    if (info === 26) return BigInt(this.#number(4, (at) => this.#view.getUint32(at)));
    if (info === 27) return this.#number(8, (at) => this.#view.getBigUint64(at));
    throw new Stop('malformed CBOR');
  }

  #number<T>(bytes: number, read: (at: number) => T): T {
    if (this.at + bytes > this.#bytes.length) throw new Stop('the bytes end');
    const value = read(this.at);
    this.at += bytes;
    return value;
  }

  #byte(): number {
    return this.#number(1, (at) => this.#bytes[at]!);
  }

  #put(text: string): void {
    this.text += text;
    if (this.text.length > CHARS_MAX) throw new Stop('the rest is not shown');
  }
}

/** The value of an IEEE half-precision float. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 === 1 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
