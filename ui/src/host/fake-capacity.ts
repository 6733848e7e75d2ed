/**
 * The capacity half of the fake host. Words of a scene: capacity-live, capacity-limit, capacity-none, capacity-refused,
 * capacity-unfit, capacity-unprepared; of workers: capacity-locust, capacity-master (both live), capacity-making (Locust is
 * being installed), capacity-no-python, capacity-doubts (run 3 was sent by workers, one of which vanished).
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
import type { CapacityWorkers } from './types/CapacityWorkers';
import type { Chart } from './types/Chart';
import type { FieldProblem } from './types/FieldProblem';
import type { PackageDraft } from './types/PackageDraft';

export type Capacity = Pick<
  Host,
  | 'planCapacity'
  | 'startCapacity'
  | 'planPackage'
  | 'joinMaster'
  | 'judgeEvidence'
  | 'writePackage'
  | 'writeScript'
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

/** A master that a team runs. */
const MASTER = 'http://10.0.0.5:8089/';
/** What a master elsewhere tells of a second. */
const WITHOUT_LATENCY = { p50_ms: null, p95_ms: null, p99_ms: null, lag_ms: null };

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
    worthless: of.unfit ? 'this computer was not fit to measure' : '',
    next: of.unfit ? 'They say nothing of the target. Measure again on a computer that is idle.' : '',
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

/** The same by workers, one of which did not come to its end. */
function doubted(of: CapacitySummary): CapacityReport {
  const doubt = 'worker 1 (loader-b, process 4712): it vanished';
  const whole = report(of);
  const column = (title: string, numeric = false) => ({ title, numeric, mono: false });
  return {
    ...whole,
    explained: [`These figures are not to be relied on: ${doubt}. Send the load again.`, ...whole.explained],
    worthless: 'the reports of the workers are not to be relied on',
    next: 'Send the load again.',
    unfit: [doubt],
    tables: [
      ...whole.tables,
      {
        title: 'Workers',
        note: 'sent by Locust 2.47.0, plan 5f0c1d2e3a4b5c6d…; Locust’s own summary, rounded: 580 requests, 3 failed',
        columns: [
          'Worker',
          'Computer',
          'Process',
          'Python',
          'Sent',
          'Lag P99 ms',
          'Clock ms',
          'Known to ms',
          'CPU',
        ].map((title, place) => column(title, place !== 1 && place !== 3)),
        rows: [
          ['0', 'loader-a', '4711', '3.11.7', '300', '1.2', '0.4', '0.3', '12 %'],
          ['1', 'loader-b', '4712', '3.11.7', '280', '1.4', '-0.8', '0.4', '11 %'],
        ],
      },
    ],
  };
}

export function fakeCapacity(scene = ''): Capacity {
  const has = scenes(scene);
  const calls: [string, ...unknown[]][] = [];
  const kept = has('capacity-none')
    ? []
    : [
        summary(
          3,
          has('capacity-doubts')
            ? {
                verdict: 'not_proven',
                unfit: true,
                headline: 'Capacity: no figure, the reports of the workers are not to be relied on',
              }
            : {},
        ),
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
    const begins = state.phase === 'preparing' && now > 500 && !has('capacity-making');
    if (state.phase === 'preparing' && !begins) {
      watcher({ whole, state: { ...state, elapsed_ms: now }, points: [] });
      return;
    }
    if (state.workers?.master) for (const point of all) Object.assign(point, WITHOUT_LATENCY);
    state = {
      ...state,
      elapsed_ms: now,
      into_ms: now,
      phase: begins ? 'running' : state.phase,
      planned: count + failed,
      sent: count + failed,
      ok: count,
      failed,
      in_flight: all.at(-1)?.in_flight ?? 0,
      classes: failed > 0 && !state.workers?.master ? [['rate_limited', failed]] : [],
    };
    watcher({ whole, state, points: whole ? all : all.slice(sent) });
    sent = all.length;
  }

  function begin(draft: CapacityDraft, at: number, master: string | null = null): number {
    const workers: CapacityWorkers | null = master
      ? { count: 4, master }
      : draft.engine.engine === 'locust'
        ? { count: draft.engine.workers, master: null }
        : null;
    const number = Math.max(0, ...kept.map((one) => one.number)) + 1;
    const rehearsal = draft.environment === 'rehearsal';
    const limit = draft.model.model === 'limit';
    state = {
      number,
      environment: draft.environment,
      kind: rehearsal ? 'rehearsal' : 'staging',
      origin: rehearsal ? 'http://127.0.0.1:41811' : summary(1).origin,
      asked:
        draft.target.what === 'url'
          ? draft.target.url
          : draft.target.what === 'test'
            ? 'expand'
            : draft.target.operations.join(', '),
      load: limit ? 'find the limit from 10 to 500 a second, each try 10 s' : '20 a second for 30 s',
      started_at: new Date(Date.now() - at).toISOString(),
      elapsed_ms: at,
      lasts_ms: limit ? 10_000 : 30_000,
      into_ms: at,
      phase: 'preparing',
      making: has('capacity-making')
        ? 'Making an environment of Python for Locust, once; this takes about half a minute'
        : '',
      workers,
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
    if (has('capacity-no-python')) {
      state = {
        ...state,
        phase: 'ended',
        problem: problem(
          'locust.python.venv',
          'Locust cannot run on this computer yet.',
          'Python3 makes no environment: The virtual environment was not created successfully because ensurepip is not available.',
          'On Debian and Ubuntu install python3-venv: apt-get install python3-venv.',
        ),
      };
    } else if (has('capacity-unprepared')) {
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
    if (draft.engine.engine === 'locust') {
      if (!(draft.engine.workers >= 1 && draft.engine.workers <= 64))
        problems.push({ field: 'workers', message: 'This computer takes 1 to 64 workers.' });
      if (model.model === 'limit')
        problems.push({
          field: 'model',
          message:
            'The limit is looked for by this computer’s own engine. Choose “This computer” for it, or another model.',
        });
    }
    const test = draft.target.what === 'test';
    const rehearsal = draft.environment === 'rehearsal';
    const requests = model.model === 'rate' ? Math.round(model.per_second * model.seconds) : null;
    return {
      origin: rehearsal ? 'this computer' : summary(1).origin,
      load:
        problems.length > 0
          ? ''
          : test
            ? '20 at once, 3 rounds'
            : model.model === 'limit'
              ? 'find the limit'
              : '20 a second for 30 s',
      requests: test ? 60 : requests,
      lasts_ms: 'seconds' in model ? model.seconds * 1000 : null,
      consent_needed: !rehearsal,
      problems,
      criteria: test ? ['failures<=0', 'p95<5000ms'] : [],
      not_written:
        draft.target.what === 'url'
          ? ''
          : 'Operations of the API need a project that is made for them and removed afterwards, so they are not written down for others. Choose an address.',
      notes: test
        ? ['Not in this load, and only in a check: the audit of the graph.']
        : requests !== null && requests < 299 && draft.thresholds.some((text) => text.startsWith('failures<1%'))
          ? [
              `failures<1% cannot be met by ${requests} requests: at least 299 are needed to tell. Send more, or for longer.`,
            ]
          : [],
    };
  }

  function planPackage(draft: PackageDraft): CapacityPlan {
    const problems: FieldProblem[] = [];
    if (/changed/.test(draft.package))
      problems.push({
        field: 'package',
        message: 'Plan.json cannot be read: it was changed since the package was written.',
      });
    if (draft.master !== null && !/^https?:\/\/./.test(draft.master.trim()))
      problems.push({ field: 'master', message: 'This is not the address of a page.' });
    return {
      origin: problems.length > 0 ? '' : summary(1).origin,
      load: problems.length > 0 ? '' : '2000 a second for 5 min',
      requests: problems.length > 0 ? null : 600_000,
      lasts_ms: problems.length > 0 ? null : 300_000,
      consent_needed: draft.master !== null && draft.environment !== 'rehearsal',
      problems,
      notes: [],
      criteria: [],
      not_written: '',
    };
  }

  if (['capacity-live', 'capacity-limit', 'capacity-locust', 'capacity-master', 'capacity-making'].some(has)) {
    begin(
      {
        environment: has('rehearsal') ? 'rehearsal' : 'staging',
        engine: has('capacity-locust') || has('capacity-making') ? { engine: 'locust', workers: 2 } : { engine: 'own' },
        target: { what: 'operations', operations: ['health', 'expand'] },
        model: has('capacity-limit')
          ? { model: 'limit', from: 10, up_to: 500, seconds: 10, poisson: false }
          : { model: 'rate', per_second: 20, seconds: 30, poisson: false },
        in_flight: 1000,
        thresholds: [],
        confirmed: null,
      },
      has('capacity-making') ? 4_000 : 24_000,
      has('capacity-master') ? MASTER : null,
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
    planPackage: (draft) => call('planPackage', [draft], () => planPackage(draft)),
    joinMaster: (draft, header) =>
      call('joinMaster', [draft, header], () => {
        const target = { what: 'url', url: '/health' } as const;
        const model = { model: 'rate', per_second: 2000, seconds: 300, poisson: false } as const;
        const { environment, thresholds, confirmed, master } = draft;
        const engine = { engine: 'own' } as const;
        return begin(
          { environment, engine, target, model, in_flight: 1000, thresholds, confirmed },
          0,
          master ?? MASTER,
        );
      }),
    judgeEvidence: (draft) =>
      call('judgeEvidence', [draft], () => (has('cancelled') ? null : (kept[0]?.number ?? null))),
    writePackage: (draft, folder) => call('writePackage', [draft, folder], () => `${folder}/holdpoint-locust`),
    writeScript: (draft, folder) =>
      call('writeScript', [draft, folder], () => {
        if (draft.model.model === 'rounds')
          throw problem(
            'locust.k6.cannot',
            'The script was not written.',
            'K6 has no barrier between rounds.',
            'A package for Locust can.',
          );
        return `${folder}/holdpoint-k6.js`;
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
        return has('capacity-doubts') && number === 3 ? doubted(found) : report(found);
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
