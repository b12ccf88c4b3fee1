/** autobahn.proto, the code that buf generates from it, and the tables of messages agree. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { file_autobahn } from '../../src/model/autobahn/11419398f/autobahn_pb.js';
import * as persisted from '../../src/model/autobahn/11419398f/persisted.js';
import * as schema from '../../src/model/autobahn/11419398f/schema.js';
import { Message } from '../../src/model/autobahn/message.js';
import { OneOf } from '../../src/model/autobahn/one-of.js';
import { i64, type Kind, nanos, u64 } from '../../src/model/autobahn/scalars.js';
import { LENGTH_DELIMITED } from '../../src/model/autobahn/wire.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('schema');

const GENERATED = join('src', 'model', 'autobahn', '11419398f', 'autobahn_pb.ts');

test('autobahn_pb.ts equals the output of `npm run generate`', () => {
  const out = mkdtempSync(join(tmpdir(), 'lanestore-generate-'));
  try {
    const buf = join(packageRoot, 'node_modules', '@bufbuild', 'buf', 'bin', 'buf');
    execFileSync(process.execPath, [buf, 'generate', '--output', out], {
      cwd: packageRoot,
      env: { ...process.env, XDG_CACHE_HOME: out },
    });
    const fresh = readFileSync(join(out, GENERATED), 'utf8');
    assert.is(readFileSync(join(packageRoot, GENERATED), 'utf8'), fresh, 'run `npm run generate` and check it in');
  } finally {
    rmSync(out, { recursive: true });
  }
});

/** The table of each message; messages that a table folds into another are below. */
const TABLES = {
  Timestamp: schema.timestamp,
  Signature: schema.signature,
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
} as const;

/** Fields that may be absent; all other fields of their messages are required. */
const OPTIONAL = [
  'Payload.coinbase',
  'AppProposal.appHash',
  'Proposal.app',
  'TimeoutVote.latestPrepareQcViewNumber',
  'TimeoutQC.latestPrepareQc',
  'FullTimeoutVote.latestPrepareQc',
  ...['commitQc', 'prepareQc', 'timeoutQc', 'commitVote', 'prepareVote', 'timeoutVote'].map(
    (name) => `PersistedInner.${name}`,
  ),
];

const isTable = (kind: unknown): boolean => kind instanceof Message || kind instanceof OneOf;
const isScalar = (kind: unknown): boolean => [u64, i64, nanos].includes(kind as never);
const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function sameType(field: DescField, kind: Kind<unknown>): boolean {
  if (field.message?.name === 'PublicKey') return kind === schema.publicKey;
  // Where the kind of the signed message is fixed, the table accepts that kind only.
  if (field.message?.name === 'SignedMsg') return kind instanceof Message && kind.desc === field.message;
  if (field.message !== undefined) return (kind as object) === TABLES[field.message.name as keyof typeof TABLES];
  const scalar = field.fieldKind === 'list' ? field.listKind === 'scalar' && field.scalar : field.scalar;
  switch (scalar) {
    case ScalarType.UINT64:
      return kind === u64;
    case ScalarType.INT64:
      return kind === i64;
    case ScalarType.INT32:
      return kind === nanos;
    case ScalarType.BYTES:
      return kind.wire === LENGTH_DELIMITED && !isTable(kind) && !isScalar(kind) && kind !== schema.publicKey;
    default:
      return false;
  }
}

/** What a table says of its message. */
type Rows = Pick<Message<object>, 'desc' | 'rows'>;

function compare(message: DescMessage, table: Rows): void {
  assert.is(table.desc.typeName, message.typeName);
  assert.is(table.rows.length, message.fields.length, message.name);
  for (const [i, field] of message.fields.entries()) {
    const row = table.rows[i];
    const name = `${message.name}.${field.localName}`;
    assert.ok(row !== undefined && sameName(row.name, field.localName), name);
    assert.is(row?.number, field.number, name);
    assert.ok(row !== undefined && sameType(field, row.kind), `${name}: type`);
    const presence = field.fieldKind === 'list' ? 'repeated' : OPTIONAL.includes(name) ? 'optional' : 'required';
    assert.is(row?.presence, presence, `${name}: presence`);
  }
}

for (const message of file_autobahn.messages) {
  if (message.name === 'PublicKey') continue;
  test(`${message.name}: names, numbers and types`, () => {
    const table = TABLES[message.name as keyof typeof TABLES];
    if (table instanceof Message) compare(message, table);
    else {
      const cases = [...table.cases.values()];
      assert.equal(
        cases.map(({ name, tag }) => [name, tag >> 3]),
        message.fields.map(({ localName, number }) => [localName, number]),
      );
      for (const [i, field] of message.fields.entries()) assert.ok(sameType(field, cases[i]?.value as Kind<unknown>));
      assert.ok(message.fields.every(({ oneof }) => oneof?.name === 't'));
    }
  });
}

test('PublicKey is one field, and SignedBlock is a SignedMsg', () => {
  const key = file_autobahn.messages.find(({ name }) => name === 'PublicKey') as DescMessage;
  assert.equal(
    key.fields.map(({ name, number, scalar }) => [name, number, scalar]),
    [['ed25519', 1, ScalarType.BYTES]],
  );
  const fields = ({ rows }: Rows): number[][] => rows.map(({ number, kind }) => [number, kind.wire]);
  assert.is(schema.signedBlock.desc, schema.signedMsg.desc);
  assert.equal(fields(schema.signedBlock), fields(schema.signedMsg));
});

test.run();
