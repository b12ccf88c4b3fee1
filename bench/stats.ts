/** Order statistics. They do not change the samples. */

/**
 * The `share` quantile (0 to 1) by nearest rank: always one of the samples. NaN without samples.
 */
export function percentile(samples: readonly number[], share: number): number {
  if (samples.length === 0) return Number.NaN;
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] as number;
}

/** The median: the middle sample, or the mean of the two middle samples. NaN without samples. */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) return Number.NaN;
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** Standard deviations of a normal distribution that hold its middle 90 %. */
const MIDDLE_90 = 1.645;

/**
 * The bounds of the 90 % confidence interval of the median, for independent samples: the samples
 * whose ranks are 1.645 standard deviations of a binomial distribution away from the middle. NaN
 * without samples.
 */
export function medianInterval(samples: readonly number[]): readonly [number, number] {
  const away = (MIDDLE_90 * Math.sqrt(samples.length)) / 2 / samples.length;
  return [percentile(samples, 0.5 - away), percentile(samples, Math.min(1, 0.5 + away))];
}

/** The spread of a number over the repetitions. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median, lowest and highest of the repetitions. */
export function spread(samples: readonly number[]): Spread {
  return { median: median(samples), min: Math.min(...samples), max: Math.max(...samples) };
}

/** `value` with `count` significant digits, without an exponent; `-` if it is not finite. */
export function digits(value: number, count = 3): string {
  if (!Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const decimals = Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 6));
}
