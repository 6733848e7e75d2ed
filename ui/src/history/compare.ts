/** Words and numbers of a comparison, apart from its drawing. */
import type { Measure } from '../host/types/Measure';
import type { MeasureKind } from '../host/types/MeasureKind';
import type { Reading } from '../host/types/Reading';
import type { Since } from '../host/types/Since';

export type Kind = 'worse' | 'better' | 'same' | 'few';

const READING: Record<Reading, [string, Kind, string]> = {
  slower: ['slower', 'worse', 'up'],
  more: ['more', 'worse', 'up'],
  faster: ['faster', 'better', 'dn'],
  fewer: ['fewer', 'better', 'dn'],
  no_real_change: ['no real change', 'same', 'eq'],
  too_few: ['too few samples', 'few', 'skip'],
  one_value_each: ['one value each', 'few', 'skip'],
  not_comparable: ['cannot be compared', 'few', 'skip'],
};

/** A reading as word, tone and icon. One that this page does not know is never drawn as a change for the better. */
export function readingOf(reading: Reading): { word: string; kind: Kind; icon: string } {
  const [word, kind, icon] = READING[reading] ?? [reading, 'few', 'skip'];
  return { word, kind, icon };
}

const KIND: Record<MeasureKind, string> = {
  all: 'all requests',
  p50: 'P50',
  p95: 'P95',
  p99: 'P99',
  mean: 'mean',
  failures: 'failed',
  recovery: 'recovery',
  backlog: 'highest backlog',
};

/** `Export, P95`. */
export function nameOf(measure: Pick<Measure, 'title' | 'kind'>): string {
  return `${measure.title}, ${KIND[measure.kind] ?? measure.kind}`;
}

export const SINCE: Record<Since, string> = { new: 'new', still: 'still there', gone: 'gone' };

/** `402`, `2.1`; nothing is `–`. */
export function value(of: number | null): string {
  if (of === null || !Number.isFinite(of)) return '–';
  return Math.abs(of) < 10 && !Number.isInteger(of) ? of.toFixed(1) : String(Math.round(of));
}

/** `+11.4%`; of failures `+3 points`. A change that rounds to nothing has no sign. */
export function signed(change: number | null, kind: MeasureKind): string {
  if (change === null || !Number.isFinite(change)) return '–';
  const unit = kind === 'failures' ? '\u00a0points' : '%';
  const size = Math.abs(change);
  const shown = size < 10 ? size.toFixed(1).replace(/\.0$/, '') : String(Math.round(size));
  return `${shown === '0' ? '' : change < 0 ? '−' : '+'}${shown}${unit}`;
}

/** How rare a share of requests is, for a scale on which each step to the right is rarer. */
export function rare(share: number): number {
  return Math.log10(1 / Math.max(1e-9, 1 - share));
}

/** Round values between two, about four of them, for a scale of powers. */
export function ticksBetween(low: number, high: number): number[] {
  const steps = [1, 1.5, 2, 3, 5, 7].flatMap((factor) =>
    Array.from({ length: 9 }, (_, power) => factor * 10 ** (power - 1)),
  );
  const all = [...new Set(steps)].sort((a, b) => a - b).filter((tick) => tick >= low && tick <= high);
  const every = Math.max(1, Math.ceil(all.length / 6));
  return all.filter((_, k) => k % every === 0);
}
