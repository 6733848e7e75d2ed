import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KEEP, LiveModel } from '../src/check/live-model.svelte';
import {
  awayUntil,
  backlogOf,
  bucketOf,
  endOf,
  lanesOf,
  latencyOf,
  ratesOf,
  readingOf,
  roundUp,
  spansOf,
  ticksOf,
} from '../src/check/timeline';
import { FakeCheck } from '../src/host/fake-check';
import type { EventLine } from '../src/host/types/EventLine';
import type { IntervalPoint } from '../src/host/types/IntervalPoint';
import type { Live } from '../src/host/types/Live';
import type { RunBar } from '../src/host/types/RunBar';

const script = (more = {}) =>
  new FakeCheck({
    number: 49,
    environment: 'staging',
    kind: 'staging',
    drill: null,
    chaos: 'real',
    tests: ['L1', 'L2', 'L3', 'C1', 'C2', 'C3', 'REP', 'BUCKET'],
    rows: [],
    ...more,
  });
const interval = (at_ms: number, more: Partial<IntervalPoint> = {}): IntervalPoint => ({
  at_ms,
  ok: 5,
  failed: 0,
  p50_ms: 100,
  p95_ms: 200,
  p99_ms: 300,
  ...more,
});
const run = (run_id: string, created_ms: number, more: Partial<RunBar> = {}): RunBar => ({
  run_id,
  test: 'C1',
  created_ms,
  executing_ms: null,
  ended_ms: null,
  status: 'queued',
  stuck: false,
  ...more,
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A model on a clock of its own. */
function made() {
  const said: string[] = [];
  const model = new LiveModel(
    (text) => said.push(text),
    () => Date.now(),
  );
  return { model, said };
}
function message(more: Partial<Live>): Live {
  return {
    whole: false,
    state: script().state(10_000),
    intervals: [],
    backlog: [],
    lines: [],
    logs: [],
    runs: [],
    ...more,
  };
}

describe('the running check', () => {
  it('is the same in one message and in a thousand', () => {
    const [a, b] = [script(), script()];
    const [one, many] = [made().model, made().model];
    one.take(a.message(250_000, true));
    many.take(b.message(0, true));
    for (let t = 250; t <= 250_000; t += 250) many.take(b.message(t, false));
    expect(many.intervals).toEqual(one.intervals);
    expect(many.backlog).toEqual(one.backlog);
    expect(many.lines).toEqual(one.lines);
    expect(many.logs).toEqual(one.logs);
    expect(many.runs).toEqual(one.runs);
    expect(many.state).toEqual(one.state);
  });

  it('is replaced by a whole message', () => {
    const { model } = made();
    model.take(message({ whole: true, intervals: [interval(0), interval(1000)], runs: [run('a', 0)] }));
    model.take(message({ whole: true, intervals: [interval(5000)], runs: [run('b', 1)] }));
    expect(model.intervals.map((one) => one.at_ms)).toEqual([5000]);
    expect(model.runs.map((one) => one.run_id)).toEqual(['b']);
  });

  it('replaces a run by its id', () => {
    const { model } = made();
    model.take(message({ whole: true, runs: [run('b', 20), run('a', 10)] }));
    model.take(message({ runs: [run('a', 10, { status: 'succeeded', ended_ms: 90 })] }));
    expect(model.runs.map((one) => [one.run_id, one.status])).toEqual([
      ['a', 'succeeded'],
      ['b', 'queued'],
    ]);
  });

  it('forgets old lines and never an open or stuck run', () => {
    const { model } = made();
    const line = (seq: number): EventLine => ({ seq, at_ms: seq, kind: 'info', test: null, text: 'x' });
    const runs = Array.from({ length: 3000 }, (_, k) =>
      run(`r${k}`, k, k < 10 ? {} : k < 20 ? { ended_ms: k, stuck: true } : { ended_ms: k + 1 }),
    );
    model.take(message({ whole: true, runs }));
    for (let k = 0; k < 200; k += 1)
      model.take(message({ lines: Array.from({ length: 100 }, (_, n) => line(k * 100 + n)) }));
    expect(model.lines.length).toBeLessThanOrEqual(KEEP.lines);
    expect(model.lines.at(-1)?.seq).toBe(19_999);
    expect(model.dropped + model.lines.length).toBe(20_000);
    expect(model.runs.length).toBeLessThanOrEqual(KEEP.runs);
    expect(model.runs.filter((one) => one.ended_ms === null).length).toBe(10);
    expect(model.runs.filter((one) => one.stuck).length).toBe(10);
  });

  it('draws its charts at most once a second, and the last message too', () => {
    const { model } = made();
    model.take(message({ whole: true }));
    const first = model.chart;
    for (let k = 0; k < 50; k += 1) {
      vi.advanceTimersByTime(100);
      model.take(message({}));
    }
    expect(model.chart - first).toBeGreaterThanOrEqual(4);
    expect(model.chart - first).toBeLessThanOrEqual(6);
    const then = model.chart;
    model.take(message({}));
    vi.advanceTimersByTime(1100);
    expect(model.chart).toBeGreaterThan(then);
    model.end();
  });

  it('goes on between messages and stands still after the end', () => {
    const { model } = made();
    model.take(message({ whole: true }));
    vi.advanceTimersByTime(3000);
    expect(model.elapsed()).toBe(13_000);
    const state = script().state(10_000);
    model.take(message({ state: { ...state, phase: 'ended' } }));
    vi.advanceTimersByTime(3000);
    expect(model.elapsed()).toBe(10_000);
  });

  it('reads out tests that end, not every message', () => {
    const check = script();
    const { model, said } = made();
    model.take(check.message(0, true));
    for (let t = 500; t <= 20_000; t += 500) model.take(check.message(t, false));
    expect(said).toEqual(['L1 passed, P95 1734 ms.']);
  });
});

describe('the time line', () => {
  it('has a gap where nothing was measured, never a line across', () => {
    const [x, , p95] = latencyOf(
      [interval(1000), interval(2000), interval(9000, { p50_ms: null, p95_ms: null, p99_ms: null }), interval(10_000)],
      1,
    );
    expect(x.length).toBe(5);
    expect(p95).toEqual([200, 200, null, null, 200]);
  });

  it('shows the slowest of several seconds, and all requests', () => {
    const points = [interval(0, { p95_ms: 100 }), interval(1000, { p95_ms: 900, failed: 3 }), interval(2000)];
    const [, , p95] = latencyOf(points, 2);
    expect(p95).toEqual([900, 200]);
    const [, all, ok] = ratesOf(points, 2);
    expect(ok).toEqual([5, 2.5]);
    expect(all).toEqual([6.5, null]);
    expect(
      backlogOf(
        [
          { at_ms: 0, waiting: 3 },
          { at_ms: 900, waiting: 7 },
        ],
        1,
      )[1],
    ).toEqual([7]);
  });

  it('never has more points than it has room for', () => {
    expect(bucketOf(340_000, 828)).toBe(1);
    const bucket = bucketOf(7_200_000, 828);
    expect(7200 / bucket).toBeLessThan(828);
  });

  it('gives runs lanes and counts those without one', () => {
    const runs = [run('a', 0, { ended_ms: 1000 }), run('b', 0, { ended_ms: 9000 }), run('c', 2000), run('d', 2500)];
    const { drawn, hidden } = lanesOf(runs, 2, 10_000);
    expect(drawn.map(({ run: one, lane }) => [one.run_id, lane])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 0],
    ]);
    expect(hidden).toBe(1);
  });

  it('draws a service as away only where it was', () => {
    const fault = { test: 'C2', service: 'api', at_ms: 1000, recovered_ms: null, label: '' } as const;
    expect(awayUntil({ ...fault, state: 'down' }, 9000)).toBe(9000);
    expect(awayUntil({ ...fault, state: 'recovered', recovered_ms: 5000 }, 9000)).toBe(5000);
    for (const state of ['simulated', 'refused', 'unproven'] as const)
      expect(awayUntil({ ...fault, state }, 9000)).toBeNull();
  });

  it('lays tests one after the other, what is to come by its estimate', () => {
    const state = script().state(100_000);
    const spans = spansOf(state, 100_000);
    expect(spans.map(({ test }) => test.id)).toEqual(['L1', 'L2', 'L3', 'C1', 'C2', 'C3', 'REP', 'BUCKET']);
    for (const [k, span] of spans.entries()) {
      expect(span.to).toBeGreaterThan(span.from);
      if (k > 0) expect(span.from).toBeGreaterThanOrEqual((spans[k - 1]?.to ?? 0) - 1);
    }
    expect(spansOf({ ...state, phase: 'stopping' }, 100_000).map(({ test }) => test.id)).toEqual([
      'L1',
      'L2',
      'L3',
      'C1',
    ]);
  });

  it('says for how long nothing was answered', () => {
    const dead = { ok: 0, failed: 2, p50_ms: null, p95_ms: null, p99_ms: null };
    expect(readingOf([], 0)).toEqual({ latency: null, silent: null });
    expect(readingOf([interval(1000), interval(2000, dead), interval(3000, dead)], 11_000).silent).toBe(10_000);
    expect(readingOf([interval(1000)], 2000).silent).toBeNull();
    expect(readingOf([interval(1000)], 60_000).latency).toBeNull();
  });

  it('has round ends and ticks', () => {
    expect([0, 14, 101, 5322, 9].map(roundUp)).toEqual([1, 20, 200, 10_000, 10]);
    expect(ticksOf(340_000)).toEqual([0, 60_000, 120_000, 180_000, 240_000, 300_000]);
    const state = script().state(186_000);
    expect(endOf(state, 186_000) % 5000).toBe(0);
    expect(endOf({ ...state, remaining_ms: null }, 186_000)).toBe(190_000);
  });
});
