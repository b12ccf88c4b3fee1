/** The checker's process: keeps what every node has ever sent, and tells of the first thing that no honest node does. */
import { laneIdOf } from '../../src/index.js';
import { type FromChecker, members, type ToChecker } from './messages.js';
import { Record } from './rules.js';

const record = new Record(members(Number(process.argv[2])).committee.keys.map(laneIdOf));
let told = 0;

function tell(message: FromChecker): void {
  process.send?.(message);
}

process.on('disconnect', () => process.exit());
process.on('message', (message: ToChecker) => {
  if (message.kind === 'sent') record.sent(message.from, message.wire);
  else if (message.kind === 'found') record.found(message.from, message.found);
  for (const what of record.violations.slice(told)) tell({ kind: 'violation', what });
  told = record.violations.length;
  if (message.kind === 'finish') tell({ kind: 'finished', messages: record.messages, violations: record.violations });
});
