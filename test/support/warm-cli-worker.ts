/**
 * A process that has loaded the program, and runs one command line after another: those that its
 * parent sends it, or with two arguments those from one named pipe, with answers into the other.
 */
import { createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Result } from './cli.js';
import { runLine } from './cli-line.js';
import type { Request } from './warm-cli.js';

async function answer({ cwd, args, env }: Request): Promise<Result> {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  process.chdir(cwd);
  try {
    return await runLine(args);
  } finally {
    process.chdir('/');
  }
}

const [requests, answers] = process.argv.slice(2);
if (requests === undefined || answers === undefined) {
  process.on('message', async (request: Request) => process.send?.(await answer(request)));
} else {
  const [input, output] = [openSync(requests, 'r'), openSync(answers, 'w')];
  for await (const line of createInterface({ input: createReadStream('', { fd: input }) })) {
    const bytes = Buffer.from(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
    for (let done = 0; done < bytes.length; ) done += writeSync(output, bytes, done);
  }
}
