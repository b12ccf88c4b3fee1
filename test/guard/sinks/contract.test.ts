/** The sinks that ship, but for PostgreSQL, and that of the tests, against one contract. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { fileWitness, httpWitness, openWitnessServer } from '../../../src/guard/index.js';
import { sinkContract } from './contract.js';
import { MemoryWitness } from './memory.js';

const TOKEN = 'a-token-of-the-tests';

function temp(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'lanestore-sink-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

const memory = suite('sinks: in memory');
sinkContract(memory, async () => {
  const sink = new MemoryWitness('a');
  return { sink, again: () => new MemoryWitness('b', sink.records) };
});

const directory = suite('sinks: a directory');
sinkContract(directory, async () => {
  const { dir, remove } = temp();
  const path = join(dir, 'not', 'there');
  return { sink: fileWitness(path), again: () => fileWitness(path), close: async () => remove() };
});

const server = suite('sinks: a server');
sinkContract(server, async () => {
  const { dir, remove } = temp();
  const witness = await openWitnessServer({ directory: dir, token: TOKEN, port: 0 });
  const url = `http://127.0.0.1:${witness.port}`;
  return {
    sink: httpWitness({ url, token: TOKEN }),
    again: () => httpWitness({ url, token: TOKEN }),
    close: async () => {
      await witness.close();
      remove();
    },
  };
});

memory.run();
directory.run();
server.run();
