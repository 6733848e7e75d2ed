/** What the trend of L1 shows, apart from its drawing. */
import type { CheckSummary } from '../host/types/CheckSummary';

/** The mark of a verdict: the same four shapes as everywhere. A simulated NO-GO is still a NO-GO. */
export function shape(check: CheckSummary): 'go' | 'nogo' | 'sim' | 'none' {
  if (check.word === 'no_go') return 'nogo';
  if (check.word === 'no_verdict') return 'none';
  return check.chaos === 'simulated' ? 'sim' : 'go';
}

export interface Scale {
  max: number;
  ticks: number[];
  /** The newest limit. */
  limit: number | null;
  /** Whether the limit is on the scale; else it is only said in words, so that the data is not squeezed. */
  shown: boolean;
}

/** A round step of about a third of a value. */
function step(value: number): number {
  const raw = value / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw) ?? power * 10;
}

/** The scale over checks in the order of time. */
export function trendScale(checks: CheckSummary[]): Scale {
  const values = checks.map((check) => check.l1_p95_ms ?? 0);
  const highest = Math.max(1, ...values);
  const limit = [...checks].reverse().find((check) => check.l1_limit_ms !== null)?.l1_limit_ms ?? null;
  const shown = limit !== null && highest * 6 >= limit;
  const needed = shown ? Math.max(highest * 1.05, limit * 1.1) : highest * 1.15;
  const by = step(needed);
  const max = Math.ceil(needed / by) * by;
  const ticks: number[] = [];
  for (let at = 0; at <= max; at += by) ticks.push(at);
  return { max, ticks, limit, shown };
}

/** A path that breaks where nothing was measured. */
export function lineOf(
  checks: CheckSummary[],
  of: 'l1_p50_ms' | 'l1_p95_ms',
  x: (k: number) => number,
  y: (value: number) => number,
): string {
  let out = '';
  let pen = 'M';
  checks.forEach((check, k) => {
    const value = check[of];
    if (value === null) {
      pen = 'M';
      return;
    }
    out += `${pen}${x(k).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = 'L';
  });
  return out;
}

/** The finding as a sentence. */
export function trendWords(checks: CheckSummary[]): string {
  const measured = checks.filter((check) => check.l1_p95_ms !== null);
  if (measured.length === 0) return 'No check measured L1.';
  const over = measured.filter((check) => check.l1_limit_ms !== null && (check.l1_p95_ms ?? 0) >= check.l1_limit_ms);
  const rest = measured.filter((check) => !over.includes(check)).map((check) => check.l1_p95_ms ?? 0);
  const range =
    rest.length === 0 ? '' : `, between ${Math.round(Math.min(...rest))} and ${Math.round(Math.max(...rest))} ms`;
  const bad = over.map(
    (check) =>
      `check ${check.number} at ${Math.round(check.l1_p95_ms ?? 0)} ms, over its limit of ${check.l1_limit_ms} ms`,
  );
  return `P95 of L1 over ${measured.length} checks${range}${bad.length > 0 ? `; ${bad.join('; ')}` : '; none over its limit'}.`;
}
