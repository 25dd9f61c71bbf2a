/** One figure of the table. */
export interface Row {
  what: string;
  value: number;
  unit: string;
  /** What was asked for; a row without it only explains. */
  atMost?: number;
  /** Where the figure alone does not say whether it was reached. */
  isHeld?: boolean;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** By the nearest rank; 0 without values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
}
