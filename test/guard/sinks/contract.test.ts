/** The sinks that ship, but for PostgreSQL, and that of the tests, against one contract. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileWitness, httpWitness, openWitnessServer } from '../../../src/guard/index.js';
import { sinkContract } from './contract.js';
import { MemoryWitness } from './memory.js';

const TOKEN = 'a-token-of-the-tests';

function temp(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'lanestore-sink-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

sinkContract('in memory', async () => {
  const sink = new MemoryWitness('a');
  return { sink, again: () => new MemoryWitness('b', sink.records) };
});

sinkContract('a directory', async () => {
  const { dir, remove } = temp();
  const path = join(dir, 'not', 'there');
  return { sink: fileWitness(path), again: () => fileWitness(path), close: async () => remove() };
});

sinkContract('a server', async () => {
  const { dir, remove } = temp();
  const server = await openWitnessServer({ directory: dir, token: TOKEN, port: 0 });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    sink: httpWitness({ url, token: TOKEN }),
    again: () => httpWitness({ url, token: TOKEN }),
    close: async () => {
      await server.close();
      remove();
    },
  };
});
