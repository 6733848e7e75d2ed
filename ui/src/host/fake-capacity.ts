/**
 * The capacity half of the fake host. Words of a scene: capacity-live, capacity-limit, capacity-none, capacity-refused,
 * capacity-unfit, capacity-unprepared.
 */
import { dice, problem, scenes } from './fake-archive/kit';
import type { Host } from './host';
import type { CapacityDraft } from './types/CapacityDraft';
import type { CapacityLive } from './types/CapacityLive';
import type { CapacityOrder } from './types/CapacityOrder';
import type { CapacityPlan } from './types/CapacityPlan';
import type { CapacityPoint } from './types/CapacityPoint';
import type { CapacityReport } from './types/CapacityReport';
import type { CapacityState } from './types/CapacityState';
import type { CapacitySummary } from './types/CapacitySummary';
import type { Chart } from './types/Chart';
import type { FieldProblem } from './types/FieldProblem';

export type Capacity = Pick<
  Host,
  | 'planCapacity'
  | 'startCapacity'
  | 'orderCapacity'
  | 'watchCapacity'
  | 'capacityRuns'
  | 'capacityReport'
  | 'exportCapacity'
  | 'pickCapacity'
> & {
  capacity: {
    /** Every call of this half by name. */
    calls: [string, ...unknown[]][];
    /** The number of the run that goes on. */
    running(): number | null;
    /** Moves the running load to this moment of its clock and sends what is new. */
    to(ms: number): void;
    /** Ends it. */
    finish(): void;
  };
};

const THRESHOLD = /^(.+:\s*)?(p\d+(\.\d+)?|max|failures|rate)\s*[<>]=?\s*\d+(\.\d+)?\s*(ms|s|m|%|\/s)?$/;

function summary(number: number, change: Partial<CapacitySummary> = {}): CapacitySummary {
  return {
    number,
    environment: 'staging',
    origin: 'https://agentverse-api-staging-production.up.railway.app',
    asked: 'health, expand',
    load: '20 a second for 30 s',
    started_at: `2026-01-${String(10 + number).padStart(2, '0')}T14:02:00.000Z`,
    took_ms: 30_400,
    ended: 'to its end',
    verdict: 'met',
    headline: 'Capacity: every threshold is met, P95 182.4 ms at 19.9 a second',
    unfit: false,
    p95_ms: 182.4,
    per_second: 19.9,
    problem: null,
    ...change,
  };
}

function chart(id: string, title: string): Chart {
  return {
    id,
    title,
    note: '',
    alt: `${title}: a line.`,
    svg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 220"><path d="M40 190L680 30" stroke="#1d62c7" fill="none"/></svg>',
    table: {
      title,
      note: '',
      columns: [
        { title: 'Percentile', numeric: false, mono: false },
        { title: 'Latency ms', numeric: true, mono: false },
        { title: 'Service time ms', numeric: true, mono: false },
      ],
      rows: [['P95', '182', '47']],
    },
  };
}

function report(of: CapacitySummary): CapacityReport {
  const figure = (value: string, unit: string, label: string, bad = false) => ({ value, unit, label, bad });
  const column = (title: string, numeric = false) => ({ title, numeric, mono: false });
  return {
    summary: of,
    no_verdict: 'A capacity figure. It is no GO and no NO-GO, and decides about no release: only a check does.',
    figures: [
      figure('41.0', 'ms', 'P50, from the intended start'),
      figure('182.4', 'ms', 'P95, from the intended start'),
      figure('47.1', 'ms', 'P95 of service time'),
      figure('19.9', 'a second', 'ended well'),
      figure('3', 'of 600', 'failed', true),
    ],
    explained: [
      'Latency counts from the moment at which a request was meant to leave, service time from when it left: P95 is 182.4 ms against 47.1 ms. The difference is time spent waiting for others, which a person feels and service time hides. This computer itself left at most 0.4 ms late (P99).',
      '3 of 600 operations failed or were never answered. They have no latency; a threshold counts them as slower than any limit.',
    ],
    unfit: of.unfit ? ['this computer did not run Holdpoint for 2600 ms (limit 2000 ms): busy or asleep'] : [],
    thresholds: [
      {
        threshold: 'p95<500ms',
        measured: '182.4 ms',
        bound: 'below 201.0 ms',
        verdict: of.unfit ? 'not_proven' : 'met',
        because: of.unfit ? 'this computer was not fit to measure' : '',
      },
      {
        threshold: 'expand: p99<2s',
        measured: '640.0 ms',
        bound: '',
        verdict: 'too_few',
        because: '290 operations; at least 299 are needed to tell',
      },
    ],
    tables: [
      {
        title: 'Operations',
        note: 'over 30.0 s',
        columns: [column('Operation'), column('Planned', true), column('Ok', true)],
        rows: [
          ['expand', '300', '297'],
          ['health', '300', '300'],
        ],
      },
    ],
    charts: [chart('capacity-percentiles', 'Latency by percentile'), chart('capacity-timeline', 'Second by second')],
    folder: `/home/mira/.local/share/holdpoint/capacity/${String(of.number).padStart(4, '0')}-20260131-140200`,
    has_log: true,
  };
}

export function fakeCapacity(scene = ''): Capacity {
  const has = scenes(scene);
  const calls: [string, ...unknown[]][] = [];
  const kept = has('capacity-none')
    ? []
    : [
        summary(3),
        summary(2, {
          verdict: 'not_met',
          load: 'find the limit from 10 to 500 a second, each try 10 s',
          headline: 'Capacity: holds up to 120.0 a second, and not at 126.0',
          per_second: 119.4,
          unfit: has('capacity-unfit'),
        }),
        summary(1, { took_ms: null, verdict: 'not_proven', ended: 'cut off', p95_ms: null, per_second: null }),
      ];
  let state: CapacityState | null = null;
  let watcher: ((live: CapacityLive) => void) | null = null;
  let sent = 0;
  let now = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  const call = async <T>(name: string, args: unknown[], give: () => T): Promise<T> => {
    calls.push([name, ...args]);
    await Promise.resolve();
    return structuredClone(give());
  };

  function points(until: number): CapacityPoint[] {
    const next = dice(7);
    return Array.from({ length: Math.floor(until / 1000) }, (_, k) => {
      const stall = k % 40 > 30 ? 6 : 1;
      const p50 = (30 + next() * 20) * stall;
      return {
        at_ms: k * 1000,
        ok: 19 + Math.floor(next() * 3),
        failed: k % 17 === 16 ? 2 : 0,
        p50_ms: p50,
        p95_ms: p50 * (2 + next()),
        p99_ms: p50 * (3 + next() * 2),
        in_flight: Math.floor(next() * 4 * stall),
        lag_ms: 0.2 + next(),
      };
    });
  }

  function emit(whole = false): void {
    if (!state || !watcher) return;
    const all = points(now);
    const count = all.reduce((sum, point) => sum + point.ok, 0);
    const failed = all.reduce((sum, point) => sum + point.failed, 0);
    state = {
      ...state,
      elapsed_ms: now,
      into_ms: now,
      phase: state.phase === 'preparing' && now > 500 ? 'running' : state.phase,
      planned: count + failed,
      sent: count + failed,
      ok: count,
      failed,
      in_flight: all.at(-1)?.in_flight ?? 0,
      classes: failed > 0 ? [['rate_limited', failed]] : [],
    };
    watcher({ whole, state, points: whole ? all : all.slice(sent) });
    sent = all.length;
  }

  function begin(draft: CapacityDraft, at: number): number {
    const number = Math.max(0, ...kept.map((one) => one.number)) + 1;
    const rehearsal = draft.environment === 'rehearsal';
    const limit = draft.model.model === 'limit';
    state = {
      number,
      environment: draft.environment,
      kind: rehearsal ? 'rehearsal' : 'staging',
      origin: rehearsal ? 'http://127.0.0.1:41811' : summary(1).origin,
      asked: draft.target.what === 'url' ? draft.target.url : draft.target.operations.join(', '),
      load: limit ? 'find the limit from 10 to 500 a second, each try 10 s' : '20 a second for 30 s',
      started_at: new Date(Date.now() - at).toISOString(),
      elapsed_ms: at,
      lasts_ms: limit ? 10_000 : 30_000,
      into_ms: at,
      phase: 'preparing',
      planned: 0,
      sent: 0,
      ok: 0,
      failed: 0,
      refused: 0,
      in_flight: 0,
      classes: [],
      trying: limit ? 40 : null,
      tried: limit
        ? [
            { rate: 10, state: 'met', p95_ms: 61 },
            { rate: 20, state: 'too_few', p95_ms: 84 },
            { rate: 20, state: 'met', p95_ms: 83 },
          ]
        : [],
      problem: null,
      saved: false,
    };
    now = at;
    sent = 0;
    if (!has('still') && import.meta.env.MODE !== 'test') {
      clearInterval(timer);
      timer = setInterval(() => {
        if (state?.phase === 'running' || state?.phase === 'preparing') now += 250;
        emit();
        if (now > 30_000 && !limit) finish();
      }, 250);
    }
    return number;
  }

  function finish(): void {
    if (!state) return;
    clearInterval(timer);
    if (has('capacity-unprepared')) {
      state = {
        ...state,
        phase: 'ended',
        problem: problem('capacity.not_prepared', 'The load could not be prepared.', 'Run r-1 failed.', 'Try again.'),
      };
    } else {
      kept.unshift(summary(state.number, { environment: state.environment, asked: state.asked }));
      state = { ...state, phase: 'ended', saved: true };
    }
    emit();
    state = null;
  }

  function plan(draft: CapacityDraft): CapacityPlan {
    const problems: FieldProblem[] = [];
    const model = draft.model;
    if (model.model === 'rate' && !(model.per_second > 0))
      problems.push({
        field: 'per_second',
        message: 'The rate is 0 throughout, so nothing would be sent; give a rate above 0.',
      });
    for (const text of draft.thresholds)
      if (!THRESHOLD.test(text)) problems.push({ field: 'thresholds', message: `“${text}” is no threshold.` });
    if (draft.target.what === 'url' && /example\.org/.test(draft.target.url))
      problems.push({ field: 'target', message: `example.org is no host of ${draft.environment}.` });
    if (draft.target.what === 'operations' && draft.target.operations.length === 0)
      problems.push({ field: 'target', message: 'Choose at least one operation.' });
    const rehearsal = draft.environment === 'rehearsal';
    const requests = model.model === 'rate' ? Math.round(model.per_second * model.seconds) : null;
    return {
      origin: rehearsal ? 'this computer' : summary(1).origin,
      load: problems.length > 0 ? '' : model.model === 'limit' ? 'find the limit' : '20 a second for 30 s',
      requests,
      lasts_ms: 'seconds' in model ? model.seconds * 1000 : null,
      consent_needed: !rehearsal,
      problems,
      notes:
        requests !== null && requests < 299 && draft.thresholds.some((text) => text.startsWith('failures<1%'))
          ? [
              `failures<1% cannot be met by ${requests} requests: at least 299 are needed to tell. Send more, or for longer.`,
            ]
          : [],
    };
  }

  if (has('capacity-live') || has('capacity-limit')) {
    begin(
      {
        environment: has('rehearsal') ? 'rehearsal' : 'staging',
        target: { what: 'operations', operations: ['health', 'expand'] },
        model: has('capacity-limit')
          ? { model: 'limit', from: 10, up_to: 500, seconds: 10, poisson: false }
          : { model: 'rate', per_second: 20, seconds: 30, poisson: false },
        in_flight: 1000,
        thresholds: [],
        confirmed: null,
      },
      24_000,
    );
  }

  return {
    capacity: {
      calls,
      running: () => state?.number ?? null,
      to: (ms) => {
        now = ms;
        emit();
      },
      finish,
    },
    planCapacity: (draft) => call('planCapacity', [draft], () => plan(draft)),
    startCapacity: (draft) =>
      call('startCapacity', [structuredClone(draft)], () => {
        if (has('capacity-refused'))
          throw problem(
            'capacity.held',
            'The load was not started.',
            'The environment is being checked already.',
            'Wait until the check has ended: it would be measured under this load.',
          );
        return begin(draft, 0);
      }),
    orderCapacity: (order: CapacityOrder) =>
      call('orderCapacity', [order], () => {
        if (!state) return;
        state = {
          ...state,
          phase: ({ go: 'running', pause: 'paused', drain: 'draining', abort: 'ending' } as const)[order],
        };
        emit();
      }),
    watchCapacity: async (onLive) => {
      calls.push(['watchCapacity']);
      await Promise.resolve();
      watcher = onLive;
      emit(true);
      return () => {
        watcher = null;
      };
    },
    capacityRuns: (offset, limit) =>
      call('capacityRuns', [offset, limit], () => ({ total: kept.length, runs: kept.slice(offset, offset + limit) })),
    capacityReport: (number, dark) =>
      call('capacityReport', [number, dark], () => {
        const found = kept.find((one) => one.number === number);
        if (!found) throw problem('capacity.unknown', `There is no capacity run ${number}.`, '', 'Choose another one.');
        return report(found);
      }),
    exportCapacity: (number, folder, formats) =>
      call('exportCapacity', [number, folder, formats], () =>
        formats.map(
          (format) => `${folder}/capacity-${number}.${{ markdown: 'md', json: 'json', hdr_log: 'hlog' }[format]}`,
        ),
      ),
    pickCapacity: () => call('pickCapacity', [], () => (has('cancelled') ? null : (kept[0]?.number ?? null))),
  };
}
