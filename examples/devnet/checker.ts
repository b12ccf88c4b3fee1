/**
 * The process of the checker: records all messages of all nodes, and reports every act that an
 * honest node never does.
 */
import { laneIdOf } from '../../src/index.js';
import { type FromChecker, members, type ToChecker } from './messages.js';
import { Record } from './rules.js';

const record = new Record(members(Number(process.argv[2])).committee.keys.map(laneIdOf));
let reported = 0;

function post(message: FromChecker): void {
  process.send?.(message);
}

process.on('disconnect', () => process.exit());
process.on('message', (message: ToChecker) => {
  if (message.kind === 'sent') record.sent(message.from, message.wire);
  else if (message.kind === 'restored') record.restored(message.from);
  else if (message.kind === 'found') record.found(message.from, message.found);
  for (const what of record.violations.slice(reported)) post({ kind: 'violation', what });
  reported = record.violations.length;
  if (message.kind === 'finish') post({ kind: 'finished', messages: record.messages, violations: record.violations });
});
