/** Ranges of lanes drawn to scale. */
import { maxU64 } from '../keys/index.js';
import { shortLane, styled } from './output.js';

const BAR_COLUMNS = 36;
const NAME_COLUMNS_MIN = 9;

/** A range to draw. */
export interface BarRange {
  readonly first: bigint;
  readonly next: bigint;
}

/** One line per range: `.` stands for pruned entries, `#` for stored ones. */
export function barLines(ranges: readonly (readonly [name: string, range: BarRange])[]): string[] {
  const highest = ranges.reduce((max, [, { next }]) => maxU64(next, max), 1n);
  const column = (number: bigint) => Number((number * BigInt(BAR_COLUMNS)) / highest);
  const width = Math.max(...ranges.map(([name]) => shortLane(name).length), NAME_COLUMNS_MIN);
  return ranges.map(([name, { first, next }]) => {
    const [from, to] = [column(first), column(next)];
    const held = first === next ? '' : '#'.repeat(Math.max(1, to - from));
    const bar = `${'.'.repeat(Math.min(from, BAR_COLUMNS - held.length))}${styled('cyan', held)}`;
    const padding = ' '.repeat(BAR_COLUMNS - Math.min(from, BAR_COLUMNS - held.length) - held.length);
    return `${shortLane(name).padEnd(width)} ${bar}${padding} [${first}, ${next})`;
  });
}
