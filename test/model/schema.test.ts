/**
 * The .proto files, the code that buf generates from them, and the tables of messages agree, in
 * both versions of the protocol.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { file_73f917bbd_autobahn } from '../../src/model/autobahn/73f917bbd/autobahn_pb.js';
import { laneMessage } from '../../src/model/autobahn/73f917bbd/lane.js';
import * as newerPersisted from '../../src/model/autobahn/73f917bbd/persisted.js';
import * as newer from '../../src/model/autobahn/73f917bbd/schema.js';
import { file_11419398f_autobahn } from '../../src/model/autobahn/11419398f/autobahn_pb.js';
import * as persisted from '../../src/model/autobahn/11419398f/persisted.js';
import * as schema from '../../src/model/autobahn/11419398f/schema.js';
import { publicKey } from '../../src/model/autobahn/common.js';
import { file_common } from '../../src/model/autobahn/common_pb.js';
import { Message } from '../../src/model/autobahn/message.js';
import { OneOf } from '../../src/model/autobahn/one-of.js';
import { i64, type Kind, nanos, u64 } from '../../src/model/autobahn/scalars.js';
import { LENGTH_DELIMITED } from '../../src/model/autobahn/wire.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('schema');

const ROOM = join('src', 'model', 'autobahn');
const GENERATED = ['common_pb.ts', '11419398f/autobahn_pb.ts', '73f917bbd/autobahn_pb.ts'];

test('the generated files equal the output of `npm run generate`', () => {
  const out = mkdtempSync(join(tmpdir(), 'lanestore-generate-'));
  try {
    const buf = join(packageRoot, 'node_modules', '@bufbuild', 'buf', 'bin', 'buf');
    execFileSync(process.execPath, [buf, 'generate', '--output', out], {
      cwd: packageRoot,
      env: { ...process.env, XDG_CACHE_HOME: out },
    });
    for (const file of GENERATED) {
      const fresh = readFileSync(join(out, ROOM, file), 'utf8');
      assert.is(readFileSync(join(packageRoot, ROOM, file), 'utf8'), fresh, `run npm run generate, check in ${file}`);
    }
  } finally {
    rmSync(out, { recursive: true });
  }
});

type Tables = Readonly<Record<string, Message<never> | OneOf<never>>>;

const COMMON = { Timestamp: schema.timestamp, Signature: schema.signature } as unknown as Tables;

/** The table of each message, by file; messages that a table folds into another are below. */
const FILES = [
  { file: file_common, tables: COMMON, optional: [] as string[] },
  {
    file: file_11419398f_autobahn,
    tables: {
      BlockHeader: schema.blockHeader,
      Payload: schema.payload,
      Block: schema.block,
      LaneQC: schema.laneQC,
      LaneRange: schema.laneRange,
      View: schema.view,
      Proposal: schema.proposal,
      PrepareQC: schema.prepareQC,
      CommitQC: schema.commitQC,
      FullCommitQC: schema.fullCommitQC,
      AppProposal: schema.appProposal,
      AppQC: schema.appQC,
      TimeoutVote: schema.timeoutVote,
      Msg: schema.msg,
      SignedMsg: schema.signedMsg,
      TimeoutQC: persisted.timeoutQC,
      FullTimeoutVote: persisted.fullTimeoutVote,
      PersistedInner: persisted.persistedInner,
      PersistedWrapper: persisted.persistedWrapper,
      PersistedAvailPruneAnchor: schema.pruneAnchor,
    } as unknown as Tables,
    optional: ['Payload.coinbase', 'Proposal.app'],
  },
  {
    file: file_73f917bbd_autobahn,
    tables: {
      LaneID: laneMessage,
      BlockHeader: newer.blockHeader,
      Payload: newer.payload,
      Block: newer.block,
      LaneQC: newer.laneQC,
      LaneRange: newer.laneRange,
      View: newer.view,
      Proposal: newer.proposal,
      PrepareQC: newer.prepareQC,
      CommitQC: newer.commitQC,
      FullCommitQC: newer.fullCommitQC,
      AppProposal: newer.appProposal,
      AppQC: newer.appQC,
      TimeoutVote: newer.timeoutVote,
      Msg: newer.msg,
      SignedBlock: newer.signedBlock,
      SignedBlockHeader: newerPersisted.signedBlockHeader,
      SignedProposal: newerPersisted.signedProposal,
      SignedTimeoutVote: newerPersisted.signedTimeoutVote,
      SignedAppProposal: newerPersisted.signedAppProposal,
      TimeoutQC: newerPersisted.timeoutQC,
      FullTimeoutVote: newerPersisted.fullTimeoutVote,
      PersistedInner: newerPersisted.persistedInner,
      PruneAnchor: newer.pruneAnchor,
    } as unknown as Tables,
    optional: [],
  },
];

/** Fields that may be absent in every version; all other fields of their messages are required. */
const OPTIONAL = [
  'AppProposal.appHash',
  'TimeoutVote.latestPrepareQcViewNumber',
  'TimeoutQC.latestPrepareQc',
  'FullTimeoutVote.latestPrepareQc',
  ...['commitQc', 'prepareQc', 'timeoutQc', 'commitVote', 'prepareVote', 'timeoutVote'].map(
    (name) => `PersistedInner.${name}`,
  ),
];

/** Fields whose property has another name: a lane, and the block of a signed block. */
const RENAMED: Readonly<Record<string, string>> = { laneId: 'lane', 'SignedBlock.msg': 'block' };

const isTable = (kind: unknown): boolean => kind instanceof Message || kind instanceof OneOf;
const isScalar = (kind: unknown): boolean => [u64, i64, nanos].includes(kind as never);
const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function sameType(field: DescField, kind: Kind<unknown>, tables: Tables): boolean {
  if (field.message?.name === 'PublicKey') return kind === publicKey;
  if (field.message?.name === 'LaneID') return kind === newer.lane;
  // Where the kind of the signed message is fixed, the table accepts that kind only.
  if (field.message?.name === 'SignedMsg') return kind instanceof Message && kind.desc === field.message;
  if (field.message !== undefined) return (kind as object) === { ...COMMON, ...tables }[field.message.name];
  const scalar = field.fieldKind === 'list' ? field.listKind === 'scalar' && field.scalar : field.scalar;
  switch (scalar) {
    case ScalarType.UINT64:
      return kind === u64;
    case ScalarType.INT64:
      return kind === i64;
    case ScalarType.INT32:
      return kind === nanos;
    case ScalarType.BYTES:
      return kind.wire === LENGTH_DELIMITED && !isTable(kind) && !isScalar(kind) && kind !== publicKey;
    default:
      return false;
  }
}

/** What a table says of its message. */
type Rows = Pick<Message<object>, 'desc' | 'rows'>;

function compare(message: DescMessage, table: Rows, { tables, optional }: (typeof FILES)[number]): void {
  assert.is(table.desc.typeName, message.typeName);
  assert.is(table.rows.length, message.fields.length, message.name);
  for (const [i, field] of message.fields.entries()) {
    const row = table.rows[i];
    const name = `${message.name}.${field.localName}`;
    const property = RENAMED[name] ?? RENAMED[field.localName] ?? field.localName;
    assert.ok(row !== undefined && sameName(row.name, property), name);
    assert.is(row?.number, field.number, name);
    assert.ok(row !== undefined && sameType(field, row.kind, tables), `${name}: type`);
    const isOptional = [...OPTIONAL, ...optional].includes(name);
    const presence = field.fieldKind === 'list' ? 'repeated' : isOptional ? 'optional' : 'required';
    assert.is(row?.presence, presence, `${name}: presence`);
  }
}

for (const version of FILES) {
  for (const message of version.file.messages) {
    if (message.name === 'PublicKey') continue;
    test(`${version.file.name}: ${message.name}: names, numbers and types`, () => {
      const table = version.tables[message.name];
      if (table instanceof Message) compare(message, table as unknown as Rows, version);
      else {
        const cases = [...table!.cases.values()];
        assert.equal(
          cases.map(({ name, tag }) => [name, tag >> 3]),
          message.fields.map(({ localName, number }) => [localName, number]),
        );
        for (const [i, field] of message.fields.entries()) {
          assert.ok(sameType(field, cases[i]?.value as Kind<unknown>, version.tables));
        }
        assert.ok(message.fields.every(({ oneof }) => oneof?.name === 't'));
      }
    });
  }
}

test('PublicKey is one field; SignedBlock of 11419398f is a SignedMsg', () => {
  const key = file_common.messages.find(({ name }) => name === 'PublicKey') as DescMessage;
  assert.equal(
    key.fields.map(({ name, number, scalar }) => [name, number, scalar]),
    [['ed25519', 1, ScalarType.BYTES]],
  );
  const fields = ({ rows }: Rows): number[][] => rows.map(({ number, kind }) => [number, kind.wire]);
  assert.is(schema.signedBlock.desc, schema.signedMsg.desc);
  assert.equal(fields(schema.signedBlock), fields(schema.signedMsg));
});

test.run();
