/** Seconds as people read them: one digit below ten, none above; the unit does not break off. */
export function seconds(value: number): string {
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} s`;
}
