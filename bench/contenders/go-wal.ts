/**
 * The original's WAL: tidwall/wal in Go, called as the original calls it, in a separate process
 * (bench/go-wal).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { laneBytes } from '../../src/keys/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import type { BenchRound } from '../rounds.js';
import type { Contender, ContenderKind, Durable, Job, LiveEntries, ProcessFigures } from './contender.js';
import { goWal } from './go-build.js';
import { wireBytes } from './port.js';

const NS_PER_MS = 1e6;

/**
 * The Go process. Frames in both directions: u32 length, then that many bytes. The first byte of an
 * answer is 0, or 1 if the text of an error follows.
 */
class GoProcess {
  readonly #child: ChildProcess;
  readonly #stdin: Writable;
  readonly #answers: AsyncIterator<Uint8Array>;

  constructor(program: string) {
    const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#stdin = child.stdin as Writable;
    this.#answers = framesOf(child.stdout as Readable);
  }

  /** Sends a frame made by {@link frame}; resolves with the body of the answer. */
  async ask(request: Uint8Array): Promise<Buffer> {
    this.#stdin.write(request);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('go-wal has ended');
    const answer = Buffer.from(value);
    const body = answer.subarray(1);
    if (answer[0] !== 0) throw new Error(`go-wal: ${body.toString()}`);
    return body;
  }

  async askJson<T>(request: Uint8Array): Promise<T> {
    return JSON.parse((await this.ask(request)).toString());
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#stdin.end();
    await ended;
  }
}

async function* framesOf(stream: Readable): AsyncGenerator<Uint8Array, void, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4) {
      const end = 4 + rest.readUInt32LE(0);
      if (rest.length < end) break;
      yield rest.subarray(4, end);
      rest = rest.subarray(end);
    }
  }
}

function frame(kind: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  return Buffer.concat([u32(length), Buffer.from(kind, 'latin1'), ...parts]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** The frame of a round, as parsed by bench/go-wal/frames.go. */
function roundFrame({ anchor, commitQCs, lanes }: BenchRound): Uint8Array {
  const parts: Uint8Array[] = [];
  const bytes = (value: Uint8Array) => parts.push(u32(value.length), value);
  bytes(anchor === undefined ? new Uint8Array(0) : autobahn.anchor.toWire(anchor));
  bytes(anchor === undefined ? new Uint8Array(0) : autobahn.commitQC.toWire(anchor.commitQC));
  parts.push(u32(commitQCs.length));
  for (const qc of commitQCs) bytes(autobahn.commitQC.toWire(qc));
  const starts = new Map(anchor === undefined ? [] : autobahn.commitQC.laneStarts(anchor.commitQC));
  parts.push(u32(lanes.size));
  for (const [lane, blocks] of lanes) {
    bytes(laneBytes(lane));
    parts.push(u64(starts.get(lane) ?? 0n), u32(blocks.length));
    for (const block of blocks) bytes(autobahn.block.toWire(block));
  }
  return frame('R', ...parts);
}

class GoContender implements Contender {
  userBytes = 0;
  readonly #process: GoProcess;

  constructor(process: GoProcess) {
    this.#process = process;
  }

  prepare(round: BenchRound): Job {
    const request = roundFrame(round);
    this.userBytes = wireBytes(round);
    return async (): Promise<Durable> => {
      const answer = await this.#process.ask(request);
      const ms = (at: number) => Number(answer.readBigUInt64LE(at)) / NS_PER_MS;
      return { roundMs: ms(0), firstBlockMs: ms(8), lastBlockMs: ms(16) };
    };
  }

  figures(): Promise<ProcessFigures> {
    return this.#process.askJson(frame('F'));
  }

  async close(): Promise<void> {
    await this.#process.ask(frame('C'));
    await this.#process.end();
  }
}

async function start(): Promise<GoProcess> {
  const built = await goWal();
  if ('reason' in built) throw new Error(built.reason);
  return new GoProcess(built.program);
}

export const goWalKind: ContenderKind = {
  name: 'go-wal',
  isElsewhere: true,
  description: "the original's WAL: tidwall/wal v1.2.1 in Go, called as sei-chain calls it at 11419398f",
  async unavailable() {
    const built = await goWal();
    return 'reason' in built ? built.reason : undefined;
  },
  async open(dir) {
    const process = await start();
    await process.ask(frame('O', Buffer.from(dir)));
    return new GoContender(process);
  },
  async restart(dir) {
    const process = await start();
    const loaded = await process.askJson<LiveEntries & { openMs: number }>(frame('L', Buffer.from(dir)));
    await process.end();
    const { openMs, ...live } = loaded;
    return { openMs, live };
  },
};
