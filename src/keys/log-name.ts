/** The logs of a store: one for each lane, and the QC log. */
import type { LaneId } from './lane-id.js';

/** Name of the QC log, next to lane ids: no lane id has this form. */
export const QC_LOG = 'qc';

/** The name of a log: a lane, or {@link QC_LOG}. */
export type LogName = LaneId | typeof QC_LOG;
