/** Comparisons, trends and coverage of the fake host. */
import type { CheckSummary } from '../types/CheckSummary';
import type { Compared } from '../types/Compared';
import type { Coverage } from '../types/Coverage';
import type { Imported } from '../types/Imported';
import type { Measure } from '../types/Measure';
import type { Side } from '../types/Side';
import type { TestId } from '../types/TestId';
import type { Trends } from '../types/Trends';
import type { TrendsQuery } from '../types/TrendsQuery';
import type { Saved } from './checks';

function side(check: CheckSummary, label = `check ${check.number}`): Side {
  return {
    label,
    started_at: check.started_at,
    api_version: check.api_version,
    holdpoint: '0.1.0',
    word: check.word,
    headline: check.headline,
    chaos: check.chaos,
    scope: check.scope,
    plan_digest: check.scope,
  };
}

type Figure = [
  TestId,
  string,
  string,
  Measure['kind'],
  number | null,
  number | null,
  string,
  [number, number] | null,
  Measure['reading'],
  number | null,
];
const FIGURES: Figure[] = [
  ['L3', 'export', 'Export', 'p95', 361, 402, 'ms', [7.2, 15.6], 'slower', 9],
  ['L2', 'calibrate', 'Calibration', 'all', 3402, 2871, 'ms', [-20.8, -9.9], 'faster', 14],
  ['L1', 'expand', 'Node expansion', 'all', 1534, 1569, 'ms', [0.8, 3.9], 'no_real_change', 8],
  ['L1', 'expand', 'Node expansion', 'p95', 1698, 1734, 'ms', [-0.9, 4.6], 'no_real_change', 9],
  ['L3', 'stream', 'Replay stream', 'all', 380, 394, 'ms', [-4, 11.2], 'no_real_change', 21],
  ['L1', 'expand', 'Node expansion', 'failures', 0, 0, '%', [-6, 6], 'no_real_change', null],
  ['L2', '', 'Queue', 'backlog', 14, 14, '', null, 'one_value_each', null],
  ['C1', '', 'Worker', 'recovery', 5, 5, 's', null, 'one_value_each', null],
  ['C2', '', 'API', 'recovery', 66, 65, 's', null, 'one_value_each', null],
  ['C3', '', 'Postgres', 'recovery', 29, 30, 's', null, 'one_value_each', null],
  ['L3', 'export', 'Export', 'p99', 380, 410, 'ms', null, 'too_few', null],
];

export function compared(after: CheckSummary, against: string, all: Saved[], noise: [number, number] | null): Compared {
  const before =
    against === 'last-go'
      ? all.find(
          ({ summary }) => summary.word === 'go' && summary.chaos !== 'simulated' && summary.number < after.number,
        )
      : all.find(({ summary }) => String(summary.number) === against);
  const other = before?.summary ?? after;
  const simulated = [other, after].some(({ chaos }) => chaos === 'simulated');
  const refused =
    other.environment !== after.environment
      ? [{ what: 'environment.api_url', before: 'https://one.example/', after: 'https://two.example/' }]
      : other.looser !== after.looser
        ? [{ what: 'l1.p95_limit_ms', before: '6000.0', after: '5000.0' }]
        : [];
  const measures = FIGURES.map(([test, operation, title, kind, one, two, unit, interval, reading, least]): Measure => ({
    test,
    operation,
    title,
    kind,
    unit,
    before: one,
    after: two,
    samples: [60, 60],
    change: one === null || two === null || kind === 'failures' ? 0 : one === 0 ? null : (two / one - 1) * 100,
    interval,
    p: interval ? 0.01 : null,
    floor: noise ? 12 : null,
    least,
    reading:
      simulated && test.startsWith('C') ? 'not_comparable' : noise && reading === 'slower' ? 'no_real_change' : reading,
    why: reading === 'too_few' ? 'P99 needs 299 samples on each side' : '',
  }));
  const curve = (scale: number) =>
    Array.from({ length: 40 }, (_, k): [number, number] => {
      const share = 1 - 10 ** ((-1.78 * k) / 39);
      return [share, scale * (1 + share ** 8 * 0.9)];
    });
  const is = refused.length > 0;
  return {
    before: side(other, against === 'last-go' ? `check ${other.number}, the last GO` : undefined),
    after: side(after),
    refused,
    notes: simulated
      ? [
          `Check ${other.chaos === 'simulated' ? other.number : after.number} simulated its chaos tests: what was measured during C1, C2 and C3 cannot be compared.`,
        ]
      : [],
    headline: is ? 'These checks cannot be compared' : 'L3 Export got slower: P95 is 11% up, and 1 more figure changed',
    because: is
      ? `They differ in ${refused[0]!.what}. Figures of unlike checks say nothing about the release.`
      : '1 of 11 figures is really worse, 1 really better, 4 show no real change, 5 have too few samples or one value each, 0 cannot be compared.',
    measures: is ? [] : measures,
    curves: is
      ? []
      : [
          { test: 'L3', operation: 'export', title: 'Export', before: curve(180), after: curve(205) },
          { test: 'L1', operation: 'expand', title: 'Node expansion', before: curve(900), after: curve(910) },
        ],
    criteria: [
      {
        id: 'L1.p95',
        test: 'L1',
        title: 'P95 of node expansions',
        limit: '< 5000 ms',
        before: { state: 'met', measured: '1698 ms', bound: '1810 ms' },
        after: { state: after.word === 'no_go' ? 'broken' : 'met', measured: '1734 ms', bound: '1902 ms' },
      },
    ],
    findings: after.findings.map((title, k) => ({
      code: 'run.stuck',
      criterion: `C1.${k}`,
      test: 'C1' as const,
      weight: 'breaks' as const,
      title,
      since: 'new' as const,
    })),
    method: {
      error_pct: 5,
      band_pct: 5,
      questions: is ? 0 : 9,
      noise: noise ? [`check ${noise[0]} and check ${noise[1]}`] : [],
    },
  };
}

export function trends(all: Saved[], query: TrendsQuery): Trends {
  const of = all
    .map(({ summary }) => summary)
    .filter(
      (check) =>
        check.origin !== 'foreign' &&
        (query.environment === null || check.environment === query.environment) &&
        (query.version === null || check.api_version === query.version) &&
        (query.suite === null || check.scope === query.suite),
    );
  const checks = of.slice(0, query.limit);
  const titles = [...new Set(checks.flatMap(({ findings }) => findings))];
  return {
    matching: of.length,
    checks,
    p95: [['L1 expand', checks.map(({ l1_p95_ms }) => l1_p95_ms)]],
    findings: titles.map((title) => {
      const saw = checks.filter(({ findings }) => findings.includes(title));
      const [last, first] = [saw[0]!, saw.at(-1)!];
      return {
        code: 'run.stuck',
        criterion: title,
        test: 'C1' as const,
        title,
        first: [first.number, first.started_at] as [number, string],
        last: [last.number, last.started_at] as [number, string],
        seen: saw.length,
        of: checks.length,
        flaky: true,
        marks: [...checks].reverse().map(({ findings }) => findings.includes(title)),
      };
    }),
    versions: ['1.18.2', '1.18.1'],
    suites: ['all tests', 'load only'],
  };
}

export function coverage(environment: string, all: Saved[]): Coverage {
  const newest = all.find(({ summary }) => summary.environment === environment)?.summary ?? null;
  const faults: Coverage['cells'][number]['fault'][] = [null, 'worker', 'api', 'postgres', 'redis', 'minio', 'web'];
  const works: Coverage['cells'][number]['work'][] = [
    'expansions',
    'calibrations',
    'auto_tunes',
    'streams',
    'exports',
    'runs',
    'writes',
  ];
  const driven = (fault: string | null, work: string) =>
    fault === null
      ? work !== 'writes'
      : fault === 'worker'
        ? work === 'runs'
        : fault === 'api'
          ? work === 'streams'
          : fault === 'postgres' && (work === 'runs' || work === 'writes');
  return {
    environment,
    version: newest?.api_version ?? null,
    cells: faults.flatMap((fault) =>
      works.map((work) => {
        const sight =
          newest && driven(fault, work)
            ? {
                number: newest.number,
                started_at: newest.started_at,
                version: newest.api_version,
                state: 'passed' as const,
              }
            : null;
        const old = fault === 'postgres' && sight ? { ...sight, number: sight.number - 7, version: '1.17.0' } : null;
        return {
          fault,
          work,
          driven: driven(fault, work),
          here: old || fault === 'api' ? null : sight,
          elsewhere: old,
        };
      }),
    ),
  };
}

export function imported(number: number): Imported {
  return {
    added: [
      {
        file: '2026-01/step3_results.json',
        number,
        runner: 'Step 3, the original runner (2026-01-10)',
        claims: 'PASS',
        proved: ['L1: that the API answered health probes', 'C1: nothing'],
      },
    ],
    known: 2,
    refused: [
      [
        'notes.json',
        {
          code: 'file.not_results',
          message: 'This file was not opened.',
          why: 'It has no "overall_status".',
          remedy: 'Choose a results file.',
          fields: [],
        },
      ],
    ],
    cut: false,
  };
}
