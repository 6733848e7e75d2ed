/** Reports of the fake: everything a page shows of a saved check follows from its story. */
import type { BucketPart } from '../types/BucketPart';
import type { Criterion } from '../types/Criterion';
import type { Figure } from '../types/Figure';
import type { Finding } from '../types/Finding';
import type { ForeignReport } from '../types/ForeignReport';
import type { PackFile } from '../types/PackFile';
import type { PackRow } from '../types/PackRow';
import type { PreflightRow } from '../types/PreflightRow';
import type { Recovery } from '../types/Recovery';
import type { Report } from '../types/Report';
import type { Service } from '../types/Service';
import type { State } from '../types/State';
import type { Sureness } from '../types/Sureness';
import type { Table } from '../types/Table';
import type { TestId } from '../types/TestId';
import type { TestReport } from '../types/TestReport';
import type { TestState } from '../types/TestState';
import type { Verdict } from '../types/Verdict';
import type { Waiver } from '../types/Waiver';
import { distribution, percentiles, timeline } from './charts';
import type { Saved, Story } from './checks';
import { API_URL, BUCKET, dice, hex, HOSTILE, later, uuid } from './kit';

const FILES = ['manifest.json', 'trace.ndjson', 'llm_ledger.ndjson', 'universe_graph.json', 'report.md'];

const TITLES: Record<TestId, [string, string]> = {
  L1: ['Universe Node Expansion Concurrency', 'Node expansion'],
  L2: ['Calibration + Auto-Tune Mixed Workload', 'Calibration + auto-tune'],
  L3: ['Replay Streaming + Export Stress', 'Replay + export'],
  C1: ['Worker Restart Mid-Run', 'Worker restart'],
  C2: ['API Restart Mid-Stream', 'API restart'],
  C3: ['Transient DB Failure Simulation', 'Database outage'],
  REP: ['REP Integrity', 'Evidence packs'],
  BUCKET: ['Bucket Isolation', 'Artifact location'],
};

const TOOK: Record<TestId, number> = {
  L1: 6_200,
  L2: 34_000,
  L3: 26_400,
  C1: 60_100,
  C2: 100_300,
  C3: 84_000,
  REP: 19_800,
  BUCKET: 5_900,
};

function table(title: string, columns: [string, ('r' | 'm' | '')?][], rows: string[][], note = ''): Table {
  return {
    title,
    note,
    columns: columns.map(([name, kind]) => ({ title: name, numeric: kind === 'r', mono: kind === 'm' })),
    rows,
  };
}

function figure(value: string, unit: string, label: string, bad = false): Figure {
  return { value, unit, label, bad };
}

/** Whether a test of this state has anything to show. */
function reached(state: TestState): boolean {
  return !['not_planned', 'waiting', 'running'].includes(state);
}

function test(saved: Saved, id: TestId, state: TestState, dark: boolean): TestReport {
  const { story, summary } = saved;
  const [title, short_title] = TITLES[id];
  const base: TestReport = {
    id,
    title,
    short_title,
    state,
    summary: state === 'waiting' ? 'not reached' : 'not planned',
    elapsed_ms: null,
    figures: [],
    charts: [],
    tables: [],
    stopped: null,
  };
  if (!reached(state)) return base;
  base.elapsed_ms = id === 'C1' && story === 'stuck' ? 136_000 : TOOK[id];
  const p50 = summary.l1_p50_ms ?? 0;
  const p95 = summary.l1_p95_ms ?? 0;
  const limit = summary.l1_limit_ms ?? 5000;
  switch (id) {
    case 'L1':
      base.summary = `P95 ${p95} ms of ${limit}`;
      base.figures = [
        figure(String(p95), 'ms', `P95, limit ${limit}`, p95 >= limit),
        figure(String(p50), 'ms', 'P50'),
        figure(String(Math.round(p95 * 1.03)), 'ms', 'slowest'),
        figure('0', 'of 60', 'failed, limit 0'),
        figure('11.9', '/s', 'throughput'),
      ];
      base.charts = [percentiles('L1', p50, p95, p95 * 1.03, limit, dark), distribution('L1', p50, p95, dark)];
      base.tables = [
        table(
          'Rounds',
          [['Round'], ['Sent', 'r'], ['Failed', 'r'], ['P50 ms', 'r'], ['P95 ms', 'r']],
          [1, 2, 3].map((round) => [
            String(round),
            '20',
            '0',
            String(p50 - 20 + round * 9),
            String(p95 - 30 + round * 10),
          ]),
        ),
      ];
      break;
    case 'L2':
      base.summary = story === 'waived' ? '1 of 10 auto-tunes failed' : 'backlog 14 of 100';
      base.figures = [
        figure('14', '', 'peak backlog, limit 100'),
        figure(story === 'waived' ? '19' : '20', 'of 20', 'jobs done', story === 'waived'),
        figure('2871', 'ms', 'P95'),
        figure(story === 'waived' ? '1' : '0', '', 'failed, limit 0', story === 'waived'),
      ];
      base.tables = [
        table(
          'Jobs by kind',
          [['Kind'], ['Sent', 'r'], ['Done', 'r'], ['Failed', 'r'], ['P95 ms', 'r']],
          [
            ['calibration', '10', '10', '0', '2611'],
            ['auto-tune', '10', story === 'waived' ? '9' : '10', story === 'waived' ? '1' : '0', '2871'],
            ['pressure runs', '8', '8', '0', '1904'],
          ],
        ),
      ];
      break;
    case 'L3':
      base.summary = '0 failures, 0 timeouts';
      base.figures = [
        figure('0', '', 'bucket failures, limit 0'),
        figure('0', '', 'timeouts, limit 0'),
        figure('402', 'ms', 'P95'),
        figure('20', 'of 20', 'finished'),
      ];
      base.tables = [
        table(
          'Streams and exports',
          [['Kind'], ['Started', 'r'], ['Complete', 'r'], ['Records', 'r']],
          [
            ['replay streams', '10', '10', '300'],
            ['exports', '10', '10', '4180'],
          ],
        ),
      ];
      break;
    case 'C1':
      if (story === 'stuck' || story === 'rehearsal_lost') {
        const lost = story === 'rehearsal_lost';
        base.summary = lost ? '4 stuck, 0 duplicates' : '2 stuck, 0 duplicates';
        base.figures = [
          figure(lost ? '4' : '2', 'of 8', 'stuck, limit 0', true),
          figure('0', '', 'duplicates, limit 0'),
          figure(lost ? '4' : '6', '', 'finished'),
          figure(lost ? '1.6' : '5.1', 's', 'worker back'),
        ];
        base.tables = [
          table(
            'Runs that did not end',
            [['Run', 'm'], ['Status'], ['Last seen', 'r'], ['Waited', 'r']],
            [
              ['8f21c0d4', 'running, tick 8 of 40', '1:32', '120 s'],
              ['4be97d11', 'running, tick 11 of 40', '1:33', '120 s'],
            ],
          ),
        ];
      } else if (state === 'simulated') {
        base.summary = 'nothing was restarted';
        base.figures = [figure('0', 'of 8', 'stuck, limit 0'), figure('0', '', 'duplicates, limit 0')];
      } else if (state === 'unproven') {
        base.summary = 'restart not proven';
        base.figures = [figure('8', 'of 8', 'finished')];
        base.stopped =
          story === 'cut_off'
            ? 'The check was cut off while C1 waited for its runs.'
            : 'The worker answered with the boot id it had before, so no restart was seen.';
      } else {
        base.summary = '0 stuck, 0 duplicates';
        base.figures = [
          figure('0', 'of 8', 'stuck, limit 0'),
          figure('0', '', 'duplicates, limit 0'),
          figure('8', '', 'finished'),
          figure('5.2', 's', 'worker back'),
        ];
      }
      break;
    case 'C2':
      base.summary =
        state === 'simulated' ? 'nothing was restarted' : state === 'aborted' ? 'aborted' : '4 reconnected, 1 clean';
      if (state === 'aborted')
        base.stopped = 'The check was aborted by a person at 2:31. The API was waited for and is back.';
      else {
        base.figures = [
          figure('4', 'of 5', 'streams reconnected'),
          figure('1', '', 'failed cleanly'),
          figure('0', '', 'lost, limit 0'),
          ...(state === 'simulated' ? [] : [figure('65', 's', 'API back')]),
        ];
        base.charts = [percentiles('C2', 214, 352, 610, 5000, dark)];
        base.tables = [
          table(
            'Errors',
            [['Error'], ['Where'], ['First to last', 'r'], ['Count', 'r'], ['Counts against C2']],
            state === 'simulated'
              ? []
              : [
                  ['Connection refused', 'health probe', '3:47 to 4:48', '143', 'no, the API was down'],
                  ['502 from the Railway edge', 'reconnect', '3:46 to 3:50', '10', 'no, retried'],
                  ['503 service restarting', 'stream 4', '3:44 to 3:45', '1', 'no, a clean failure'],
                ],
            'all inside the fault window',
          ),
        ];
      }
      break;
    case 'C3':
      base.summary = state === 'simulated' ? 'nothing was restarted' : '0 corrupted, 0 stuck';
      base.figures = [
        figure('0', '', 'corrupted, limit 0'),
        figure('0', '', 'stuck, limit 0'),
        ...(state === 'simulated' ? [] : [figure('31', 's', 'Postgres back')]),
        figure('4', 'of 4', 'runs finished'),
      ];
      base.tables = [
        table(
          'Ledger',
          [['Outcome'], ['Writes', 'r']],
          [
            ['acknowledged and read back', '68'],
            ['refused, not there', state === 'simulated' ? '0' : '54'],
            ['unanswered, not there', state === 'simulated' ? '0' : '3'],
            ['lost', '0'],
            ['duplicated', '0'],
          ],
        ),
      ];
      break;
    case 'REP': {
      const bad = state === 'failed' ? 1 : 0;
      base.summary = `${bad} of 34 corrupt`;
      base.figures = [
        figure(String(bad), 'of 34', 'corrupt, limit 0', bad > 0),
        figure(bad ? '169' : '170', 'of 170', 'files intact'),
        figure('0', '', 'graph errors, limit 0'),
        figure('41.2', 'MB', 'read and hashed'),
      ];
      break;
    }
    case 'BUCKET': {
      const out = state === 'failed' ? 2 : 0;
      base.summary = `${214 - out} of 214 in the bucket`;
      base.figures = [
        figure(String(214 - out), 'of 214', `in ${BUCKET}`, out > 0),
        figure(String(out), '', 'anywhere else, limit 0', out > 0),
      ];
      break;
    }
  }
  return base;
}

function criterion(
  id: string,
  of: TestId,
  title: string,
  limit: string,
  measured: string,
  state: State = 'met',
  sureness: Sureness = 'proven',
  margin: string | null = null,
  bound: string | null = null,
): Criterion {
  return { id, test: of, title, limit, measured, margin, bound, state, sureness };
}

function criteria(saved: Saved): Criterion[] {
  const { story, summary } = saved;
  const state = Object.fromEntries(summary.tests) as Record<TestId, TestState>;
  const p95 = summary.l1_p95_ms ?? 0;
  const limit = summary.l1_limit_ms ?? 5000;
  const stuck = story === 'stuck' ? 2 : story === 'rehearsal_lost' ? 4 : 0;
  const rows: Criterion[] = [
    criterion(
      'L1.failures',
      'L1',
      'Node expansions that failed',
      '0',
      '0 of 60',
      'met',
      'proven',
      '0',
      '≤ 4.9% of all',
    ),
    criterion(
      'L1.p95',
      'L1',
      'P95 latency of node expansions, from the intended start',
      `< ${limit} ms`,
      `${p95} ms (n = 60)`,
      p95 >= limit ? 'broken' : story === 'unfit' ? 'unproven' : 'met',
      'observed',
      `${limit - p95 > 0 ? '+' : ''}${limit - p95} ms`,
      `≤ ${Math.round(p95 * 1.02)} ms`,
    ),
    criterion('L1.graph', 'L1', 'Universe graph integrity errors', '0', '0 of 61 nodes'),
    criterion(
      'L2.auto_tune',
      'L2',
      'Auto-tunes that failed',
      '0',
      story === 'waived' ? '1 of 10' : '0 of 10',
      story === 'waived' ? 'waived' : 'met',
      'proven',
      null,
      '≤ 25.9% of all',
    ),
    criterion('L2.backlog', 'L2', 'Peak of the queue', '< 100', '14', 'met', 'observed', '+86'),
    criterion('L3.bucket', 'L3', 'Bucket operations that failed', '0', '0 of 13'),
    criterion('L3.timeouts', 'L3', 'Streams that fell silent', '0', '0 of 10'),
    criterion('C1.fault', 'C1', 'The worker was really restarted', 'proven by its boot id', '6a3ae7b4 to b0119c81'),
    criterion('C1.stuck', 'C1', 'Stuck runs', '0', `${stuck} of 8`, stuck ? 'broken' : 'met', 'proven'),
    criterion('C1.duplicates', 'C1', 'Runs done twice', '0', '0 of 8'),
    criterion('C2.fault', 'C2', 'The API was really restarted', 'proven by its boot id', 'e41d09aa to 72c6f1d3'),
    criterion('C2.streams', 'C2', 'Streams lost without an end', '0', '0 of 5'),
    criterion(
      'C3.fault',
      'C3',
      'The database was really restarted',
      'its start time changed',
      '13:06:12Z',
      'met',
      'observed',
    ),
    criterion('C3.ledger', 'C3', 'Writes lost, duplicated or changed', '0', '0 of 125'),
    criterion(
      'REP.corrupt',
      'REP',
      'Evidence packs that are corrupt',
      '0',
      state.REP === 'failed' ? '1 of 34' : '0 of 34',
      state.REP === 'failed' ? 'broken' : 'met',
    ),
    criterion('BUCKET.a', 'BUCKET', '(a) The API is configured for the staging bucket', BUCKET, BUCKET),
    criterion(
      'BUCKET.c',
      'BUCKET',
      "(c) Every artifact of this check's runs lies in it, unchanged",
      'all of 214',
      state.BUCKET === 'failed' ? '212 of 214' : '214 of 214',
      state.BUCKET === 'failed' ? 'broken' : 'met',
    ),
    criterion(
      'BUCKET.d',
      'BUCKET',
      '(d) The staging key sees this bucket alone',
      '1 bucket',
      '1 bucket',
      'met',
      'observed',
    ),
  ];
  return rows.map((row): Criterion => {
    const how = row.test ? state[row.test] : 'passed';
    if (how === 'simulated' && row.id.endsWith('.fault'))
      return { ...row, state: 'simulated', sureness: 'simulated', measured: 'not restarted' };
    if (how === 'simulated') return { ...row, state: 'simulated', sureness: 'simulated' };
    if (!reached(how) || how === 'aborted')
      return {
        ...row,
        state: 'unproven',
        sureness: 'not_checked',
        measured: 'not looked at',
        margin: null,
        bound: null,
      };
    if (how === 'unproven' && row.id === 'C1.fault')
      return { ...row, state: 'unproven', sureness: 'proxied', measured: 'the same boot id' };
    return row;
  });
}

function findings(story: Story): Finding[] {
  const out: Finding[] = [];
  if (story === 'stuck' || story === 'rehearsal_lost') {
    const lost = story === 'rehearsal_lost';
    out.push({
      code: 'worker.lost_runs',
      criterion: 'C1.stuck',
      test: 'C1',
      weight: 'breaks',
      title: lost ? '4 of 8 runs were lost by the worker restart' : '2 of 8 runs are stuck after the worker restart',
      happened: 'They were executing when the worker was restarted and did not move in the 120 s after it was back.',
      likely_cause: 'The worker acknowledges a task before it has done it, so that a restart drops what was executing.',
      next_action: 'Acknowledge late (acks_late) and reject on worker loss, then run C1 again.',
      witness: [
        { at_ms: 92_100, what: 'run', id: '8f21c0d4', shows: 'tick 8 of 40, nothing after it' },
        { at_ms: 93_400, what: 'run', id: '4be97d11', shows: 'tick 11 of 40, nothing after it' },
      ],
      logged: [
        'worker: 2026-11-23T14:03:12.104Z task 8f21c0d4 received',
        'worker: 2026-11-23T14:03:14.871Z WARNING SIGTERM while 2 tasks are executing',
      ],
    });
  }
  if (story === 'stuck') {
    out.push({
      code: 'evidence.corrupt',
      criterion: 'REP.corrupt',
      test: 'REP',
      weight: 'breaks',
      title: '1 evidence pack is corrupt',
      happened: 'trace.ndjson holds 412 records, its manifest says 418, and the SHA-256 differs.',
      likely_cause: 'The worker was restarted while it wrote the file, and the file was not written again.',
      next_action: 'Write to a temporary key and rename, or write the pack again when a run is resumed.',
      witness: [{ at_ms: null, what: 'object', id: 'runs/8f21c0d4/trace.ndjson', shows: '412 of 418 records' }],
      logged: [],
    });
  }
  if (story === 'slow') {
    out.push({
      code: 'latency.p95',
      criterion: 'L1.p95',
      test: 'L1',
      weight: 'breaks',
      title: 'P95 of node expansions is 5322 ms',
      happened: '3 of 60 expansions took over 5000 ms, all in the first round.',
      likely_cause: 'A cold start: the API was deployed 40 s before the check.',
      next_action: 'Warm the API up, or wait two minutes after a deployment, and run L1 again.',
      witness: [{ at_ms: 7_900, what: 'fork', id: 'node 17', shows: '5322 ms' }],
      logged: [],
    });
  }
  if (story === 'wrong_bucket_sim') {
    out.push({
      code: 'bucket.elsewhere',
      criterion: 'BUCKET.c',
      test: 'BUCKET',
      weight: 'breaks',
      title: '2 artifacts lie in another bucket',
      happened: 'The report.md of two runs was found in agentverse-artifacts.',
      likely_cause: 'One code path reads the bucket from its default instead of the environment.',
      next_action: 'Look for a bucket name in the code of the report writer.',
      witness: [
        { at_ms: null, what: 'object', id: 'agentverse-artifacts/runs/9f88a5/report.md', shows: 'wrong bucket' },
      ],
      logged: [],
    });
  }
  if (story === 'waived') {
    out.push({
      code: 'auto_tune.failing',
      criterion: 'L2.auto_tune',
      test: 'L2',
      weight: 'breaks',
      title: '1 of 10 auto-tunes failed',
      happened: 'POST /auto-tune answered 500 once.',
      likely_cause: 'A race in the auto-tune cache.',
      next_action: 'Fix the race; the ticket is open.',
      witness: [{ at_ms: 21_100, what: 'auto-tune', id: '7', shows: '500 after 812 ms' }],
      logged: [],
    });
  }
  if (story === 'cut_off') {
    out.push({
      code: 'fault.open',
      criterion: 'fault.open',
      test: 'C1',
      weight: 'breaks',
      title: 'The restart of worker was never seen to end',
      happened: 'It was intended at 13:58:12 and its recovery is not on record.',
      likely_cause: 'The check was cut off, or the service did not come back',
      next_action: 'Verify its recovery',
      witness: [{ at_ms: 92_100, what: 'fault', id: 'C1-worker-restart', shows: 'restart worker again' }],
      logged: [],
    });
  }
  if (story === 'unproven') {
    out.push({
      code: 'fault.unproven',
      criterion: 'C1.fault',
      test: 'C1',
      weight: 'unproven',
      title: 'The restart of the worker is not proven',
      happened: 'Railway accepted the restart, and the worker answered with the same boot id for 180 s.',
      likely_cause: 'Railway restarted another replica.',
      next_action: 'Run the worker with one replica in staging.',
      witness: [],
      logged: [],
    });
  }
  return out;
}

const BECAUSE: Partial<Record<Story, string>> = {
  go: 'All 18 criteria are met.',
  rehearsal_go: 'All 18 criteria are met.',
  sim: '11 of 18 criteria are met; 7 were met without their fault: nothing was restarted.',
  load: 'L1, L2 and L3 passed. The other tests were not part of the check.',
  aborted: 'A person aborted the check at 2:31. What was reached is kept.',
  cut_off: 'The program ended before the check did. Everything up to then is kept.',
  waived: '17 of 18 criteria are met; 1 is not, and a person accepted that.',
  looser: 'All 18 criteria are met, one of them with a limit looser than the runbook.',
  unfit: 'This computer was too busy to keep time, so the latency of L1 says nothing.',
  unproven: 'A criterion needs a restart that could not be proven.',
  not_ready: 'API answers: no answer within 10 s. Look at the API logs on Railway.',
};

function verdict(saved: Saved): Verdict {
  const { story, summary } = saved;
  const found = findings(story);
  const rows = story === 'not_ready' ? [] : criteria(saved);
  const broken = rows.filter((row) => row.state === 'broken').length;
  return {
    waivers: waivers(story, summary.started_at),
    word: summary.word,
    no_verdict: summary.no_verdict,
    scope: summary.scope,
    chaos: summary.chaos,
    rehearsal: summary.kind === 'rehearsal',
    headline: summary.headline,
    because:
      BECAUSE[story] ??
      `${broken} of ${rows.length} criteria are not met: ${found.map((finding) => finding.title).join('; ')}.`,
    looser: story === 'looser' ? ['L1: P95 limit 6000 ms, the runbook demands 5000 ms'] : [],
    criteria: rows,
    findings: found,
    unchecked:
      story === 'load'
        ? ['C1 to C3, REP and BUCKET: not part of this check']
        : summary.chaos === 'simulated'
          ? ['Recovery after a restart: nothing was restarted']
          : [],
  };
}

function preflight(story: Story): PreflightRow[] {
  const row = (id: string, title: string, observed: string, state: PreflightRow['state'] = 'ok', remedy = '') => ({
    id,
    title,
    state,
    observed,
    remedy,
  });
  if (story === 'not_ready')
    return [
      row(
        'api.reachable',
        'API answers',
        'no answer within 10 s',
        'not_ready',
        'Look at the API logs on Railway, and try again.',
      ),
      row('api.login', 'Login accepted', 'not asked: the API does not answer', 'not_checked'),
    ];
  return [
    row('api.reachable', 'API answers', '142 ms'),
    row('api.environment', 'API names its environment', 'staging'),
    row('api.clock', 'Clocks agree', '112 ms apart'),
    row('api.contract', 'API contract known', 'version 1.18.2, second generation'),
    row('api.login', 'Login accepted', 'tenant 3 of staging'),
    row('worker.alive', 'Worker answers a task', 'boot id 6a3ae7b4, 1 run in 2.1 s'),
    row('storage.probe', 'API writes and reads its bucket', '113 ms and 24 ms, content matches'),
    row('storage.key', 'Holdpoint reads the bucket', '3 objects of 112 B'),
    story === 'sim' || story === 'wrong_bucket_sim'
      ? row(
          'railway.token',
          'Railway reachable',
          'no token: restarts are simulated',
          'warning',
          'Set a Railway token under Environments for real restarts.',
        )
      : row('railway.token', 'Railway token accepted', 'project token, the confirmed ids'),
    row('railway.services', 'Services to restart found', 'worker, API, Postgres'),
  ];
}

function packs(saved: Saved): PackRow[] {
  const state = Object.fromEntries(saved.summary.tests) as Record<TestId, TestState>;
  if (!reached(state.REP)) return [];
  const next = dice(saved.summary.number * 31);
  const tests: TestId[] = ['C1', 'C1', 'C3', 'L2', 'L3', 'L2'];
  return Array.from({ length: 34 }, (_, k): PackRow => {
    const broken = k === 0 && state.REP === 'failed';
    const records = [null, 380 + Math.floor(next() * 90), 10 + Math.floor(next() * 5), null, null];
    return {
      run_id: broken ? '8f21c0d4-77a1-4c20-9b0e-d41f6a90c3e2' : uuid(next),
      test: tests[k % tests.length] ?? 'L2',
      intact: !broken,
      state: broken ? 'corrupt' : 'valid',
      files: FILES.map((name, file): PackFile => {
        const bad = broken && file === 1;
        return {
          name,
          intact: !bad,
          state: bad ? 'corrupt' : 'valid',
          records: bad ? 412 : (records[file] ?? null),
          size_bytes: 900 + Math.floor(next() * 300_000),
        };
      }),
      problems: broken
        ? [
            'trace.ndjson: 412 records, the manifest lists 418. Records 413 to 418 are missing.',
            'trace.ndjson: SHA-256 b3d4…9e07, the manifest says 7a10…c2f5.',
          ]
        : [],
    };
  });
}

function bucket(saved: Saved): BucketPart[] {
  const state = Object.fromEntries(saved.summary.tests) as Record<TestId, TestState>;
  if (!reached(state.BUCKET)) return [];
  const out = state.BUCKET === 'failed';
  return [
    { part: 'a', title: 'The API is configured for the staging bucket', state: 'holds', observed: BUCKET, witness: [] },
    {
      part: 'b',
      title: 'What the API writes lands in it',
      state: 'holds',
      observed: 'the probe object was found',
      witness: ['storage-test/7c02.txt'],
    },
    {
      part: 'c',
      title: "Every artifact of this check's runs lies in it, unchanged",
      state: out ? 'broken' : 'holds',
      observed: out ? '212 of 214; 2 lie in agentverse-artifacts' : '214 of 214',
      witness: out ? ['agentverse-artifacts/runs/9f88a5/report.md', 'agentverse-artifacts/runs/c15b27/report.md'] : [],
    },
    {
      part: 'd',
      title: 'The staging key sees this bucket alone',
      state: 'holds',
      observed: '1 bucket listed',
      witness: [],
    },
    {
      part: 'e',
      title: 'Keys lie below known prefixes only',
      state: 'holds',
      observed: 'runs/, exports/, storage-test/',
      witness: [],
    },
    {
      part: 'f',
      title: "This tenant's runs lie below its own prefix only",
      state: out ? 'unproven' : 'not_checked',
      observed: 'this API writes no tenant into its keys',
      witness: [],
    },
  ];
}

function recoveries(saved: Saved): Recovery[] {
  const { summary, story } = saved;
  const tests: Partial<Record<Service, TestId>> = { worker: 'C1', api: 'C2', postgres: 'C3' };
  const limits: Partial<Record<Service, number>> = { worker: 180, api: 240, postgres: 180 };
  if (summary.chaos === 'simulated' && story !== 'foreign') {
    return (['worker', 'api', 'postgres'] as Service[]).map((service) => ({
      service,
      test: tests[service] ?? 'C1',
      state: 'simulated',
      seconds: null,
      limit_s: limits[service] ?? 180,
      how: 'Nothing was restarted.',
      identity: null,
      earlier: [],
    }));
  }
  const next = dice(summary.number);
  return summary.recoveries.map(([service, seconds]) => ({
    service,
    test: tests[service] ?? 'C1',
    state: story === 'unproven' && service === 'worker' ? 'unproven' : 'recovered',
    seconds: story === 'unproven' && service === 'worker' ? null : seconds,
    limit_s: limits[service] ?? 180,
    how:
      service === 'postgres'
        ? 'Accepted by Railway; the database shows a later start time; rows read back.'
        : 'Accepted by Railway; another boot id answers; runs go on.',
    identity: service === 'postgres' ? null : [hex(next, 8), hex(next, 8)],
    earlier: Array.from({ length: 10 }, () => Math.round((seconds + (next() - 0.5) * seconds * 0.08) * 10) / 10),
  }));
}

function foreign(): ForeignReport {
  return {
    runner: 'run_step3.py 0.4',
    claims: 'PASS',
    tests: table(
      'What the file claims',
      [['Test'], ['Claimed'], ['What that proves']],
      [
        ['L1', 'PASS, P95 1744 ms', 'a number without its samples'],
        ['L2', 'PASS, backlog 14', 'a number without its samples'],
        ['L3', 'PASS', 'nothing: no stream is recorded'],
        ['C1', 'PASS (simulated)', 'nothing: nothing was restarted'],
        ['C2', 'PASS (simulated)', 'nothing: nothing was restarted'],
        ['C3', 'PASS (simulated)', 'nothing: nothing was restarted'],
        ['REP', 'PASS', 'nothing: no pack was read'],
      ],
      'claims, not findings',
    ),
    evidence: [
      'It names no journal and no evidence pack.',
      `It says bucket_isolation_verified: true, without an object of ${BUCKET}.`,
    ],
    why_no_verdict:
      'This file was written by another program and holds its conclusions, not what was measured. Holdpoint shows what it claims, and judges only what it can read back.',
  };
}

function waivers(story: Story, started: string): Waiver[] {
  if (story !== 'waived') return [];
  return [
    {
      code: 'auto_tune.failing',
      criterion: 'L2.auto_tune',
      name: 'M. Okafor',
      reason: 'Known race, fixed in 1.19; not used by this release.',
      expires_at: later(started, 14 * 24 * 3_600_000),
      given_at: later(started, 900_000),
    },
  ];
}

/** The moments and names of the restarts of a check. */
export function faults(saved: Saved): [string, number, number][] {
  const at: Partial<Record<Service, [string, number]>> = {
    worker: ['Worker', 90_000],
    api: ['API', saved.story === 'stuck' ? 224_000 : 148_000],
    postgres: ['Postgres', saved.story === 'stuck' ? 326_000 : 250_000],
  };
  const shrink = saved.summary.kind === 'rehearsal' ? 0.17 : 1;
  return saved.summary.recoveries.flatMap(([service, seconds]): [string, number, number][] => {
    const [name, from] = at[service] ?? [service, 0];
    return [[name, from * shrink, from * shrink + seconds * 1000]];
  });
}

/** The whole report of a saved check. */
export function report(saved: Saved, dark: boolean, hostile: boolean): Report {
  const { story, summary } = saved;
  const other = story === 'foreign';
  const next = dice(summary.number * 13);
  const rehearsal = summary.kind === 'rehearsal';
  const out: Report = {
    summary: { ...summary },
    verdict: other ? null : verdict(saved),
    foreign: other ? foreign() : null,
    sign_offs: [],
    journal_sha256: null,
    integrity: null,
    target: [
      ['API', rehearsal ? 'http://127.0.0.1:41811' : API_URL],
      ['Web', rehearsal ? 'http://127.0.0.1:41812' : 'https://agentverse-web-staging-production.up.railway.app'],
      ['Bucket', BUCKET],
      ['API version', summary.api_version ?? 'unknown'],
      ['Railway environment', rehearsal ? 'none' : '668ced2e-6da8-4b5d-a915-818580666b01 (staging)'],
    ],
    preflight: other ? [] : preflight(story),
    tests: other
      ? []
      : summary.tests.filter(([, state]) => state !== 'not_planned').map(([id, state]) => test(saved, id, state, dark)),
    recoveries: other ? [] : recoveries(saved),
    packs: other ? [] : packs(saved),
    bucket: other ? [] : bucket(saved),
    timeline: other || story === 'not_ready' ? null : timeline(summary.elapsed_ms, faults(saved), dark),
    fitness: other
      ? ''
      : story === 'unfit'
        ? 'This computer was late by up to 412 ms, 31 times over 50 ms: not fit to measure latency.'
        : 'This computer kept time: at most 3.1 ms late, never over 50 ms.',
    left: other ? [] : ['1 object: storage-test/7c02.txt (112 B)', '61 nodes of universe holdpoint-47'],
    removed: other ? [] : ['34 runs', '10 exports'],
    plan_digest: other ? '' : hex(next, 64),
    folder: other ? '' : `/home/mira/.local/share/holdpoint/checks/${summary.check_id}`,
  };
  if (hostile) {
    out.target.push([HOSTILE, HOSTILE]);
    out.left.push(HOSTILE);
    out.fitness += HOSTILE;
    for (const one of out.tests) {
      one.title = HOSTILE;
      one.summary = HOSTILE;
      one.stopped = HOSTILE;
      one.figures.push(figure(HOSTILE, HOSTILE, HOSTILE, true));
      one.tables.push(table(HOSTILE, [[HOSTILE]], [[HOSTILE]], HOSTILE));
      for (const chart of one.charts) {
        chart.title = HOSTILE;
        chart.alt = HOSTILE;
        chart.svg = chart.svg.replace('>', `>${HOSTILE.replace('<img src=x', '<image href="x"')}`);
      }
    }
    for (const pack of out.packs) pack.problems.push(HOSTILE);
    for (const part of out.bucket) part.witness.push(HOSTILE);
    if (out.verdict) {
      out.verdict.because = HOSTILE;
      for (const finding of out.verdict.findings) {
        finding.happened = HOSTILE;
        finding.logged.push(HOSTILE);
      }
    }
  }
  return out;
}
