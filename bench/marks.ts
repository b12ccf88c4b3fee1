/** Paths that do not exist, and that a worker asks for, so that a trace shows where counting begins and ends. */
export const MARK_BEGIN = '/lanestore-bench-begin';
export const MARK_END = '/lanestore-bench-end';
