/** The saved checks of the fake: 48 that tell a story, or 5,000 for the long list. */
import type { CheckSummary } from '../types/CheckSummary';
import type { ChecksPage } from '../types/ChecksPage';
import type { ChecksQuery } from '../types/ChecksQuery';
import type { NoVerdict } from '../types/NoVerdict';
import type { Origin } from '../types/Origin';
import type { TestId } from '../types/TestId';
import type { TestState } from '../types/TestState';
import { dice, hex, HOSTILE, later, TESTS } from './kit';

/** What a check of the fake is about; the report follows from it. */
export type Story =
  | 'go'
  | 'stuck'
  | 'slow'
  | 'wrong_bucket_sim'
  | 'sim'
  | 'load'
  | 'aborted'
  | 'cut_off'
  | 'waived'
  | 'looser'
  | 'unfit'
  | 'unproven'
  | 'not_ready'
  | 'foreign'
  | 'rehearsal_go'
  | 'rehearsal_lost'
  | 'rehearsal_sim';

/** A check with the story behind it. */
export interface Saved {
  story: Story;
  summary: CheckSummary;
}

const NEWEST = '2026-01-12T13:02:05Z';
const HOUR = 3_600_000;

/** The newest eighteen by hand, so that every kind is on the first page. */
const TOLD: [Story, Origin][] = [
  ['go', 'checked'],
  ['stuck', 'checked'],
  ['sim', 'checked'],
  ['go', 'imported'],
  ['load', 'checked'],
  ['slow', 'checked'],
  ['rehearsal_go', 'checked'],
  ['rehearsal_lost', 'checked'],
  ['wrong_bucket_sim', 'checked'],
  ['aborted', 'checked'],
  ['waived', 'checked'],
  ['cut_off', 'checked'],
  ['foreign', 'foreign'],
  ['looser', 'checked'],
  ['unfit', 'checked'],
  ['unproven', 'checked'],
  ['rehearsal_sim', 'checked'],
  ['not_ready', 'checked'],
];
const LATER: Story[] = ['go', 'go', 'stuck', 'go', 'sim', 'go', 'load', 'go', 'go', 'aborted', 'go', 'slow'];

const passed: TestState = 'passed';

/** How the eight tests ended in a story. */
function ends(story: Story): TestState[] {
  const all = (chaos: TestState): TestState[] => [passed, passed, passed, chaos, chaos, chaos, passed, passed];
  switch (story) {
    case 'stuck':
      return [passed, passed, passed, 'failed', passed, passed, 'failed', passed];
    case 'slow':
      return ['failed', passed, passed, passed, passed, passed, passed, passed];
    case 'wrong_bucket_sim':
      return [passed, passed, passed, 'simulated', 'simulated', 'simulated', passed, 'failed'];
    case 'sim':
    case 'rehearsal_sim':
      return all('simulated');
    case 'load':
      return [passed, passed, passed, ...Array<TestState>(5).fill('not_planned')];
    case 'aborted':
      return [passed, passed, passed, passed, 'aborted', 'waiting', 'waiting', 'waiting'];
    case 'cut_off':
      return [passed, passed, passed, 'unproven', 'waiting', 'waiting', 'waiting', 'waiting'];
    case 'unproven':
      return [passed, passed, passed, 'unproven', passed, passed, passed, passed];
    case 'unfit':
      return ['unproven', passed, passed, passed, passed, passed, passed, passed];
    case 'not_ready':
      return Array<TestState>(8).fill('waiting');
    case 'foreign':
      return [passed, passed, passed, 'simulated', 'simulated', 'simulated', 'unproven', 'unproven'];
    case 'rehearsal_lost':
      return [passed, passed, passed, 'failed', passed, passed, passed, passed];
    default:
      return all(passed);
  }
}

const NO_VERDICT: Partial<Record<Story, NoVerdict>> = {
  load: { reason: 'part_of_suite' },
  aborted: { reason: 'aborted' },
  cut_off: { reason: 'cut_off' },
  unfit: { reason: 'unfit_generator' },
  unproven: { reason: 'unproven', criteria: ['C1.fault'] },
  not_ready: { reason: 'not_ready', rows: ['api.reachable'], misconfigured: false },
};

const HEADLINE: Record<Story, string> = {
  go: 'GO',
  stuck: 'NO-GO',
  slow: 'NO-GO',
  wrong_bucket_sim: 'NO-GO (chaos simulated)',
  sim: 'GO (chaos simulated)',
  load: 'NO VERDICT, load only: passed',
  aborted: 'NO VERDICT: aborted',
  cut_off: 'NO VERDICT: cut off',
  waived: 'GO with 1 waiver',
  looser: 'GO (1 limit looser)',
  unfit: 'NO VERDICT: this computer was not fit to measure',
  unproven: 'NO VERDICT: not everything is proven',
  not_ready: 'NO VERDICT: the environment is not ready',
  foreign: 'NO VERDICT: recorded file of another runner',
  rehearsal_go: 'GO [rehearsal]',
  rehearsal_lost: 'NO-GO [rehearsal]',
  rehearsal_sim: 'GO (chaos simulated) [rehearsal]',
};

const FINDINGS: Partial<Record<Story, string[]>> = {
  stuck: ['2 of 8 runs are stuck after the worker restart', '1 evidence pack is corrupt'],
  slow: ['P95 of node expansions is 5322 ms'],
  wrong_bucket_sim: ['2 artifacts lie in another bucket'],
  waived: ['1 of 10 auto-tunes failed'],
  rehearsal_lost: ['4 of 8 runs were lost by the worker restart'],
  unproven: ['The restart of the worker is not proven'],
  unfit: ['This computer was too busy to measure L1'],
  not_ready: ['The API cannot be reached'],
};

const TOOK: Partial<Record<Story, number>> = {
  stuck: 418_200,
  sim: 204_300,
  wrong_bucket_sim: 203_100,
  load: 71_400,
  slow: 366_000,
  aborted: 151_200,
  cut_off: 118_700,
  not_ready: 31_000,
  rehearsal_go: 61_300,
  rehearsal_lost: 94_800,
  rehearsal_sim: 48_900,
  foreign: 344_000,
};

function word(story: Story): CheckSummary['word'] {
  if (NO_VERDICT[story] || story === 'foreign') return 'no_verdict';
  return ends(story).includes('failed') ? 'no_go' : 'go';
}

/** One saved check. */
export function saved(number: number, story: Story, origin: Origin, started_at: string): Saved {
  const next = dice(number * 7919);
  const rehearsal = story.startsWith('rehearsal');
  const tests = TESTS.map((test, k): [TestId, TestState] => [test, ends(story)[k] ?? 'not_planned']);
  const simulated = ['sim', 'wrong_bucket_sim', 'rehearsal_sim', 'foreign'].includes(story);
  const none = ['load', 'not_ready'].includes(story);
  const base = rehearsal ? 210 : 1610 + Math.round(next() * 140);
  const p95 = story === 'slow' ? 5322 : base;
  const measured = story !== 'not_ready';
  return {
    story,
    summary: {
      number,
      check_id: `${started_at.replace(/[-:]/g, '').slice(0, 15)}-${hex(next, 8)}`,
      origin,
      environment: rehearsal ? 'rehearsal' : 'staging',
      kind: rehearsal ? 'rehearsal' : 'staging',
      drill: story === 'rehearsal_lost' ? 'worker-loses-runs' : story === 'rehearsal_sim' ? 'no-token' : null,
      started_at,
      elapsed_ms: (TOOK[story] ?? 336_000) + Math.round(next() * 8_000),
      word: word(story),
      no_verdict: NO_VERDICT[story] ?? null,
      headline: HEADLINE[story],
      scope: story === 'load' ? 'load only' : 'all tests',
      chaos: none ? 'not_run' : simulated ? 'simulated' : 'real',
      waivers: story === 'waived' ? 1 : 0,
      looser: story === 'looser' ? 1 : 0,
      tests,
      l1_p50_ms: measured ? (story === 'slow' ? 2795 : Math.round(base * 0.91)) : null,
      l1_p95_ms: measured ? p95 : null,
      l1_limit_ms: measured ? (story === 'looser' ? 6000 : 5000) : null,
      recoveries:
        simulated || none || story === 'aborted' || story === 'cut_off'
          ? []
          : rehearsal
            ? [
                ['worker', 1.6],
                ['api', 2.7],
                ['postgres', 1.7],
              ]
            : [
                ['worker', 5 + Math.round(next() * 6) / 10],
                ['api', 64 + Math.round(next() * 20) / 10],
                ['postgres', 30 + Math.round(next() * 14) / 10],
              ],
      api_version: story === 'not_ready' ? null : '1.18.2',
      findings: FINDINGS[story] ?? [],
    },
  };
}

/** Every saved check of a scene, newest first. */
export function savedChecks(has: (word: string) => boolean): Saved[] {
  if (has('empty')) return [];
  const count = has('many') ? 5000 : 48;
  const next = dice(47);
  let at = Date.parse(NEWEST);
  const out: Saved[] = [];
  for (let k = 0; k < count; k += 1) {
    const [story, origin]: [Story, Origin] = TOLD[k] ?? [LATER[(k - TOLD.length) % LATER.length] ?? 'go', 'checked'];
    out.push(saved(count - k, story, origin, new Date(at).toISOString().replace('.000Z', 'Z')));
    at -= Math.round((2.5 + next() * 9) * HOUR);
  }
  if (has('hostile')) {
    for (const { summary } of out) {
      summary.environment = HOSTILE;
      summary.headline = `${summary.headline} ${HOSTILE}`;
      summary.findings = [HOSTILE];
      summary.api_version = HOSTILE;
    }
  }
  return out;
}

/** Answers a query as Rust does. */
export function page(all: Saved[], query: ChecksQuery): ChecksPage {
  const text = query.text.trim().toLowerCase();
  const matches = all.filter(({ summary: check }) => {
    if (query.environment !== null && check.environment !== query.environment) return false;
    if (query.verdict === 'simulated' && check.chaos !== 'simulated') return false;
    if (query.verdict === 'no_verdict' && check.word !== 'no_verdict') return false;
    if (query.verdict === 'go' && (check.word !== 'go' || check.chaos === 'simulated')) return false;
    if (query.verdict === 'no_go' && check.word !== 'no_go') return false;
    const hay = [String(check.number), check.environment, check.headline, ...check.findings].join('\n').toLowerCase();
    return text === '' || hay.includes(text);
  });
  const limit = Math.min(query.limit, 200);
  return {
    total: all.length,
    matching: matches.length,
    checks: matches.slice(query.offset, query.offset + limit).map(({ summary }) => ({ ...summary })),
  };
}

/** The check a picked file becomes. */
export function importedCheck(number: number): Saved {
  return saved(number, 'go', 'imported', later(NEWEST, -40 * 24 * HOUR));
}
