/**
 * Paths that do not exist. A worker checks for them, so that a trace shows where counting begins
 * and ends.
 */
export const MARK_BEGIN = '/lanestore-bench-begin';
export const MARK_END = '/lanestore-bench-end';
