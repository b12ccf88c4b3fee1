/** The logs of a store: one a lane, and the QC log. */
import type { LaneId } from './lane-id.js';

/** Names the QC log where lanes are named by their ids: no lane id reads like this. */
export const QC_LOG = 'qc';

/** The name of a log: a lane, or {@link QC_LOG}. */
export type LogName = LaneId | typeof QC_LOG;
