/** Damaged, mixed and incomplete states of the layout sei-73f917bbd. */
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeAB, encodeAB } from '../../src/adapter/wal/ab-format.js';
import {
  detectLayout,
  type FindingKind,
  importState,
  isLanestoreError,
  type LanestoreErrorCode,
} from '../../src/index.js';
import { openState, verifyState } from '../../src/migrations/index.js';
import { autobahn, entryChecks } from '../../src/model/autobahn/73f917bbd/index.js';
import { refused } from '../support/faults.js';
import { inTemp } from '../support/temp.js';
import { copySeiState, type SeiState, seiEpochs } from './sei-states.js';
import { copyState, treeHash } from './states.js';

const test = suite('migrations: damage in sei-73f917bbd');
const OPTIONS = { model: autobahn, checks: entryChecks() };
const SEGMENTS = join('blockdb', 'blocks', 'segments');

type Change = (location: string) => void;
const lanesIn = (location: string) => readdirSync(join(location, 'blocks')).sort();
const edit = (location: string, file: string, make: (bytes: Buffer) => Uint8Array) =>
  writeFileSync(join(location, file), make(readFileSync(join(location, file))));
const flip = (location: string, file: string, at: number) =>
  edit(location, file, (bytes) => bytes.fill(bytes[at]! ^ 1, at, at + 1));

interface Row {
  readonly state?: SeiState;
  readonly change: Change;
  readonly code?: LanestoreErrorCode;
  readonly kind?: FindingKind;
  readonly text: RegExp;
}

/** What an import refuses, and how it says so. */
const REFUSED: Readonly<Record<string, Row>> = {
  'a bit of the open log is flipped, and records follow': {
    change: (location) => flip(location, 'commitqcs/0.wal.u', 5000),
    kind: 'entries-lost',
    text: /follows whole at byte \d+: records between \d+ and \d+ are damaged, and the node would drop them/,
  },
  'the oldest file of a log is gone: CommitQCs do not begin at the anchor': {
    state: 'closed',
    change: (location) => rmSync(join(location, 'commitqcs', '1-6-10.wal')),
    kind: 'gap',
    text: /CommitQC 11 is the oldest one, but the anchor \(road index 9\) begins at 9/,
  },
  'a lane begins above the anchor': {
    state: 'closed',
    change: (location) => {
      const lane = lanesIn(location).find((name) => name.startsWith('9b64'))!;
      for (const file of readdirSync(join(location, 'blocks', lane))) {
        if (file.startsWith('1-')) rmSync(join(location, 'blocks', lane, file));
      }
    },
    kind: 'gap',
    text: /is the oldest one, but the anchor \(road index 9\) begins at/,
  },
  'a log of another lane in the directory of a lane': {
    change: (location) => {
      const [a = '', b = ''] = lanesIn(location);
      rmSync(join(location, 'blocks', a), { recursive: true });
      cpSync(join(location, 'blocks', b), join(location, 'blocks', a), { recursive: true });
    },
    kind: 'entry-undecodable',
    text: /a block of lane /,
  },
  'two directories of one lane': {
    change: (location) => {
      const [lane = ''] = lanesIn(location);
      mkdirSync(join(location, 'blocks', lane.toUpperCase()));
    },
    kind: 'name-twice',
    text: /another directory has the same lane/,
  },
  'a bit of the newest full row is flipped': {
    state: 'ordinary',
    change: (location) => {
      // A transaction of a block of the anchor's row.
      const keys = readFileSync(join(location, SEGMENTS, '0.keys'));
      const at = keys.indexOf(Buffer.from([1, 0, 9, 0x62, 0, 0, 0, 0, 0, 0, 4, 0x0a]));
      const offset = keys.readUInt32BE(at + 16);
      flip(location, join(SEGMENTS, '0-0.values'), offset + keys.readUInt32BE(at + 21) - 40);
    },
    text: /payload|canonical|newest full row|must be|protobuf/,
  },
  'the newest value of the block store is zeros': {
    change: (location) => {
      const size = readFileSync(join(location, SEGMENTS, '0.keys')).readUInt32BE(7494 - 4);
      edit(location, join(SEGMENTS, '0-0.values'), (bytes) => bytes.fill(0, bytes.length - size));
    },
    kind: 'segment-version',
    text: /serialization version 0 is not read/,
  },
  'the metadata of the only segment is gone': {
    change: (location) => rmSync(join(location, SEGMENTS, '0.metadata')),
    kind: 'segment-gap',
    text: /a node would delete them without a word/,
  },
  'inner has the form of an older version': {
    change: (location) => {
      const content = decodeAB(readFileSync(join(location, 'inner_a.pb')));
      assert.ok(typeof content === 'object');
      writeFileSync(join(location, 'inner_a.pb'), encodeAB('wrapper', 99n, (content as { data: Uint8Array }).data));
    },
    kind: 'layout-mixed',
    text: /it has no checksum: a node of an older version wrote it, and its votes would be lost/,
  },
  'both files of inner are torn': {
    change: (location) => {
      for (const file of ['inner_a.pb', 'inner_b.pb']) edit(location, file, (bytes) => bytes.subarray(0, -1));
    },
    kind: 'ab-unusable',
    text: /no whole copy is left/,
  },
  ...Object.fromEntries(
    ['blockdb', 'commitqcs', 'blocks', 'inner_b.pb'].map((name): [string, Row] => [
      `${name} was not copied`,
      {
        change: (location) => rmSync(join(location, name), { recursive: true }),
        kind: 'layout-half',
        text: new RegExp(`half a state directory: ${name}.* missing`),
      },
    ]),
  ),
  'a link in the place of a log': {
    state: 'closed',
    change: (location) => {
      renameSync(join(location, 'commitqcs', '2-11-13.wal'), join(location, 'elsewhere'));
      symlinkSync('../elsewhere', join(location, 'commitqcs', '2-11-13.wal'));
    },
    kind: 'file-type',
    text: /links are not followed/,
  },
  'a store of lanestore in the same directory': {
    change: (location) => mkdirSync(join(location, 'level')),
    kind: 'layout-mixed',
    text: /marks of two layouts/,
  },
  'a lane of 32 bytes beside lanes of 40': {
    change: (location) => mkdirSync(join(location, 'blocks', 'ab'.repeat(32))),
    code: 'LANESTORE_SCHEMA',
    text: /entries of an older layout are there too; a node of that version has written entries since/,
  },
  'a log of a version that is not known': {
    change: (location) => edit(location, 'commitqcs/0.wal.u', (bytes) => bytes.fill(2, 5, 6)),
    kind: 'segment-version',
    text: /format version 2; only version 1 is read/,
  },
};

for (const [name, { state = 'ordinary', change, code = 'LANESTORE_IMPORT', kind, text }] of Object.entries(REFUSED)) {
  test(
    name,
    inTemp(async (dir) => {
      const source = copySeiState(state, dir);
      change(source);
      const before = treeHash(source);
      const { message, findings } = await refused(importState(source, join(dir, 'store'), OPTIONS), code);
      assert.match(message, text);
      if (kind !== undefined) assert.is(findings?.[0]?.kind, kind, message);
      assert.is(treeHash(source), before);
      assert.equal(readdirSync(dir), [state]);
    }),
  );
}

test(
  'harmless: wal.lock, strays, a torn tail, an empty lane; each is noted or silent as in the original',
  inTemp(async (dir) => {
    const source = copySeiState('ordinary', dir);
    const [lane = ''] = lanesIn(source);
    for (const file of ['commitqcs/wal.lock', `blocks/${lane}/wal.lock`]) writeFileSync(join(source, file), '');
    writeFileSync(join(source, 'blockdb', 'litt.lock'), 'PID: 1');
    mkdirSync(join(source, 'hashvault'));
    mkdirSync(join(source, 'blocks', 'no lane'));
    mkdirSync(join(source, 'blocks', 'ef'.repeat(40)));
    writeFileSync(join(source, 'commitqcs', 'stray'), '');
    appendFileSync(join(source, 'commitqcs', '0.wal.u'), 'torn');
    const { notes, lanes, commitQCs } = await importState(source, join(dir, 'store'), OPTIONS);
    assert.equal([lanes, commitQCs], [5, 5]);
    for (const text of [
      /skipped blocks\/no lane: it is not part/,
      /skipped commitqcs\/stray/,
      /commitqcs\/0\.wal\.u: the last 4 bytes/,
    ]) {
      assert.match(notes.join('\n'), text);
    }
    assert.not.match(notes.join('\n'), /wal\.lock|litt/);
  }),
);

test(
  'a crash takes the end of the block store: the anchor is the row before, as in the original',
  inTemp(async (dir) => {
    const source = copySeiState('ordinary', dir);
    edit(source, join(SEGMENTS, '0-0.values'), (bytes) => bytes.subarray(0, -1));
    const { anchor, notes } = await importState(source, join(dir, 'store'), OPTIONS);
    assert.is(anchor, 8n);
    assert.match(notes.join('\n'), /0-0\.values: an interrupted write is left out/);
  }),
);

test(
  'verify finds flipped bits anywhere in what the node stored',
  inTemp(async (dir) => {
    const checks = entryChecks(await seiEpochs('ordinary'));
    const clean = copySeiState('ordinary', dir);
    const values = readFileSync(join(clean, SEGMENTS, '0-0.values'));
    for (let at = 100; at < values.length; at += 3001) {
      flip(clean, join(SEGMENTS, '0-0.values'), at);
      let found: number;
      try {
        const source = await openState(clean, autobahn);
        found = (await verifyState(source, autobahn, checks)).findingsTotal;
        await source.close();
      } catch (error) {
        if (!isLanestoreError(error, 'LANESTORE_IMPORT')) throw error;
        found = error.findings!.length;
      }
      assert.ok(found > 0, `byte ${at} of the values`);
      flip(clean, join(SEGMENTS, '0-0.values'), at);
    }
  }),
);

test(
  'an old state, on which a node of this version was started, stays what it is; its entries do not mix',
  inTemp(async (dir) => {
    const old = copyState('wal', dir);
    mkdirSync(join(old, 'blockdb'));
    assert.is((await detectLayout(old)).layout, 'wal');
    const head = copySeiState('ordinary', dir);
    cpSync(join(head, 'commitqcs', '0.wal.u'), join(old, 'commitqcs', '0.wal.u'));
    await refused(detectLayout(old), 'LANESTORE_SCHEMA', /has written entries since/);
    const empty = copySeiState('ordinary', dir, 'fresh');
    for (const lane of lanesIn(empty)) rmSync(join(empty, 'blocks', lane), { recursive: true });
    rmSync(join(empty, 'commitqcs', '0.wal.u'));
    rmSync(join(empty, SEGMENTS), { recursive: true });
    const detection = await detectLayout(empty);
    assert.equal([detection.layout, detection.evidence], ['sei-73f917bbd', ['it has blockdb']]);
    const report = await importState(empty, join(dir, 'store'), OPTIONS);
    assert.equal([report.anchor, report.commitQCs, report.lanes], [undefined, 0, 0]);
  }),
);

test.run();
