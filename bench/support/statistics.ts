/** The value below which the share `p` (0 to 1) of the samples lies; nearest rank. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
  if (value === undefined) throw new Error('there are no samples');
  return value;
}

/** The middle value; the mean of the middle two of an even number. */
export function median(samples: readonly number[]): number {
  return (percentile(samples, 0.5) + percentile(samples, 0.5 + 0.5 / samples.length)) / 2;
}
