/** What the live time line draws, computed from the running check. Pure, so that it can be tested without a screen. */
import type { BacklogPoint } from '../host/types/BacklogPoint';
import type { IntervalPoint } from '../host/types/IntervalPoint';
import type { LiveFault } from '../host/types/LiveFault';
import type { LiveState } from '../host/types/LiveState';
import type { LiveTest } from '../host/types/LiveTest';
import type { RunBar } from '../host/types/RunBar';

/** A hole longer than this is no data, and no data is a gap. */
const GAP_MS = 2_500;

/** The end of the axis: what is left by experience, in steps of 5 s, so that it does not crawl. */
export function endOf(state: LiveState, now: number): number {
  const end = state.remaining_ms === null ? now : Math.max(now, state.elapsed_ms + state.remaining_ms);
  return Math.max(30_000, Math.ceil(end / 5_000) * 5_000);
}

/** Moments of the axis with their distance. */
export function ticksOf(end: number): number[] {
  const steps = [5_000, 10_000, 20_000, 60_000, 120_000, 300_000, 600_000, 1_200_000, 3_600_000];
  const step = steps.find((one) => end / one <= 8) ?? 3_600_000;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, k) => k * step).filter((at) => at <= end - step * 0.3);
}

/** The next round number that holds a value. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5, 10].find((one) => one * power >= value) ?? 10) * power;
}

export interface Span {
  test: LiveTest;
  from: number;
  to: number;
}

/** The tests on the axis: what ran where it ran, what is to come one after the other by its estimate. */
export function spansOf(state: LiveState, now: number): Span[] {
  const out: Span[] = [];
  let next = state.phase === 'preflight' ? now : 0;
  for (const test of state.tests) {
    if (test.state === 'not_planned') continue;
    if (test.began_ms === null) {
      const over = state.phase === 'stopping' || state.phase === 'ended' || test.state === 'aborted';
      if (!over) {
        const from = Math.max(next, now);
        out.push({ test, from, to: from + test.estimate_ms });
        next = from + test.estimate_ms;
      }
      continue;
    }
    const running = test.state === 'running';
    const to = running ? Math.max(now, test.began_ms + test.estimate_ms) : test.began_ms + (test.elapsed_ms ?? 0);
    out.push({ test, from: test.began_ms, to });
    next = to;
  }
  return out;
}

/** Until when a service was away; none where nothing was really away. */
export function awayUntil(fault: LiveFault, now: number): number | null {
  if (fault.state === 'simulated') return null;
  if (fault.recovered_ms !== null) return fault.recovered_ms;
  return fault.state === 'asked' || fault.state === 'down' || fault.state === 'not_recovered' ? now : null;
}

type Cell = number | null;
export type Columns = [number[], ...Cell[][]];

/** Seconds in one drawn point, so that a long check has no more points than pixels. */
export function bucketOf(end: number, width: number, pixels = 2.2): number {
  return Math.max(1, Math.ceil(end / 1000 / Math.max(1, width / pixels)));
}

const worst = (values: Cell[]): Cell =>
  values.reduce<Cell>((most, value) => (value === null ? most : Math.max(most ?? 0, value)), null);

function grouped<T extends { at_ms: number }>(points: T[], bucket: number): [number, T[]][] {
  const out: [number, T[]][] = [];
  for (const point of points) {
    const at = Math.floor(point.at_ms / 1000 / bucket) * bucket;
    const last = out.at(-1);
    if (last && last[0] === at) last[1].push(point);
    else out.push([at, [point]]);
  }
  return out;
}

/** P50, P95, P99 over time. Of several seconds in one point the slowest is drawn; a second without an answer is a gap. */
export function latencyOf(points: IntervalPoint[], bucket: number): Columns {
  const out: [number[], Cell[], Cell[], Cell[]] = [[], [], [], []];
  let last: number | null = null;
  for (const [at, some] of grouped(points, bucket)) {
    if (last !== null && (at - last) * 1000 > GAP_MS * bucket) {
      out[0].push(last + 0.5);
      for (const column of [out[1], out[2], out[3]]) column.push(null);
    }
    out[0].push(at + bucket / 2);
    out[1].push(worst(some.map((point) => point.p50_ms)));
    out[2].push(worst(some.map((point) => point.p95_ms)));
    out[3].push(worst(some.map((point) => point.p99_ms)));
    last = at;
  }
  return out;
}

/** Requests a second: all where some failed (drawn hollow behind), and those that were answered. */
export function ratesOf(points: IntervalPoint[], bucket: number): Columns {
  const out: [number[], Cell[], Cell[]] = [[], [], []];
  for (const [at, some] of grouped(points, bucket)) {
    const ok = some.reduce((sum, point) => sum + point.ok, 0) / bucket;
    const failed = some.reduce((sum, point) => sum + point.failed, 0) / bucket;
    out[0].push(at + bucket / 2);
    out[1].push(failed > 0 ? ok + failed : null);
    out[2].push(ok);
  }
  return out;
}

/** A value over time; of several samples in one point the most. */
export function stepsOf<T extends { at_ms: number }>(points: T[], bucket: number, value: (point: T) => Cell): Columns {
  const out: [number[], Cell[]] = [[], []];
  for (const [at, some] of grouped(points, bucket)) {
    out[0].push(at);
    out[1].push(worst(some.map(value)));
  }
  return out;
}

/** How many waited; of several samples in one point the most. */
export const backlogOf = (points: BacklogPoint[], bucket: number): Columns =>
  stepsOf(points, bucket, (point) => point.waiting);

export function mostOf(columns: Columns, from = 1): number {
  let most = 0;
  for (const column of columns.slice(from) as Cell[][])
    for (const value of column) if (value !== null && value > most) most = value;
  return most;
}

export interface Laned {
  run: RunBar;
  lane: number;
}

/** Runs in lanes, the first lane that is free; what finds none is counted. */
export function lanesOf(runs: RunBar[], lanes: number, now: number): { drawn: Laned[]; hidden: number } {
  const free: number[] = Array<number>(lanes).fill(-Infinity);
  const drawn: Laned[] = [];
  let hidden = 0;
  for (const run of runs) {
    const lane = free.findIndex((until) => until <= run.created_ms);
    if (lane < 0) {
      hidden += 1;
      continue;
    }
    free[lane] = (run.ended_ms ?? Math.max(now, run.created_ms)) + 400;
    drawn.push({ run, lane });
  }
  return { drawn, hidden };
}

export interface Reading {
  latency: IntervalPoint | null;
  /** Milliseconds since the last answer, while requests fail. */
  silent: number | null;
}

/** The newest second, and for how long nothing was answered. */
export function readingOf(points: IntervalPoint[], now: number): Reading {
  const last = points.at(-1) ?? null;
  if (!last) return { latency: null, silent: null };
  if (last.ok > 0 || last.failed === 0) return { latency: now - last.at_ms < 5_000 ? last : null, silent: null };
  let k = points.length - 1;
  while (k >= 0 && (points[k]?.ok ?? 0) === 0) k -= 1;
  const since = points[k]?.at_ms ?? points[0]?.at_ms ?? last.at_ms;
  return { latency: points[k] ?? null, silent: Math.max(0, now - since) };
}
