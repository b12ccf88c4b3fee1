/** The page of `serve`, recordings, and verbs about the command line itself. */
import { SHELLS } from '../complete.js';
import type { Verb } from '../verb.js';

/** Upper bound of locations that one server shows. */
const LOCATIONS_MAX = 16;

/** Descriptions by name, in the order of the help. */
export const FURTHER: Readonly<Record<string, Verb>> = {
  serve: {
    usage: 'LOCATION...',
    summary: 'shows state directories as a page in the browser, read-only, on 127.0.0.1',
    help: [
      'Any layout, with or without a node running on it: no lock is taken, and nothing in LOCATION is written.',
      'Prints the address of the page, which contains a random token. Ends on Ctrl-C.',
      '--port N          the port; default: a free one',
      '--token-file F    the file with the token, for probes and scrapers: 22 to 256 letters, digits, - and _',
      'GET /livez, /readyz and /metrics (Prometheus) take the token as "Authorization: Bearer TOKEN" (docs/serve.md).',
    ],
    options: { port: { type: 'string' }, 'token-file': { type: 'string' } },
    positionals: [1, LOCATIONS_MAX],
    load: () => import('../serve.js'),
  },
  replay: {
    usage: 'ROUNDS LOCATION',
    summary: 'stores recorded rounds (JSON lines, plain or .gz); skips stored blocks',
    help: [
      'If the recording cannot be read, or its first round cannot be stored, no store is created.',
      '--in-flight N   rounds that are submitted together, before the first of them is durable (4)',
      '--pace-ms N     milliseconds to wait between such groups (0)',
      '--acks          print a line when a round is submitted and when a round or an entry becomes durable',
    ],
    options: { 'in-flight': { type: 'string' }, 'pace-ms': { type: 'string' }, acks: { type: 'boolean' } },
    positionals: [2, 2],
    advice: {
      LANESTORE_INVALID: 'fix what the message names and run it again: rounds that are already stored are skipped',
      LANESTORE_OUT_OF_SEQUENCE:
        'replay a recording that continues the store; lanestore inspect shows where its logs end',
      LANESTORE_CAPACITY: 'free space on the disk and run it again: rounds that are already stored are skipped',
      LANESTORE_FAILED: 'check the disk and its free space, then run it again',
    },
    load: () => import('../replay.js'),
  },
  demo: {
    usage: '[ROUNDS]',
    summary: 'stores a recorded network, kills the process midway, shows what came back',
    help: [
      'ROUNDS is a recording as for replay; default: the 4-validator recording of this package.',
      '--pace-ms N   milliseconds between groups of rounds (150)',
      'The store is kept in ./lanestore-demo/<number>/.',
      '--json   one object with every check at the end; all other output goes to stderr',
    ],
    options: { 'pace-ms': { type: 'string' } },
    positionals: [0, 1],
    advice: {
      LANESTORE_OUT_OF_SEQUENCE: 'name a recording that begins with the first round of a store and omits none',
      LANESTORE_CAPACITY: 'free space on the disk and run the demo again: it creates a new store',
      LANESTORE_FAILED: 'check the disk and its free space, then run the demo again: it creates a new store',
    },
    load: () => import('../demo.js'),
  },
  bench: {
    usage: '',
    summary: 'shows how to run the benchmark',
    help: ['The benchmark compares the store with raw classic-level, the WAL, the original in Go, and the disk.'],
    options: {},
    positionals: [0, 0],
    opensNothing: true,
    load: () => import('../bench.js'),
  },
  complete: {
    usage: 'SHELL',
    summary: 'prints a script that completes commands and options in a shell',
    help: [
      `SHELL: ${SHELLS.join(', ')}`,
      'bash: source <(lanestore complete bash)      zsh: source <(lanestore complete zsh)',
      'fish: lanestore complete fish | source',
    ],
    options: {},
    positionals: [1, 1],
    opensNothing: true,
    load: () => import('../complete.js'),
  },
  version: {
    usage: '',
    summary: 'prints the version of lanestore',
    help: ['--json adds the versions of Node.js and of the platform, for a bug report.'],
    options: {},
    positionals: [0, 0],
    opensNothing: true,
    load: () => import('../version.js'),
  },
};
