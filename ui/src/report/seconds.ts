/** Seconds as people read them: one digit below ten, none above; the unit does not break off. */
export function seconds(value: number): string {
  return `${rounded(value)}\u00a0s`;
}

/** From the shortest to the longest: `63 to 66 s`. */
export function range(values: number[]): string {
  const [low, high] = [rounded(Math.min(...values)), rounded(Math.max(...values))];
  return low === high ? `${low}\u00a0s` : `${low} to ${high}\u00a0s`;
}

function rounded(value: number): number {
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}
