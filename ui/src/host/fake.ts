/**
 * The host of component tests and of `vite` without a window. Nothing of it is in the product. A scene is words joined by
 * `+`; those of `fake-archive.ts` and `fake-capacity.ts`, and: live, mid, late, waiting, sim, blocked, misconfigured, preflight-never,
 * preflight-refused, start-refused, plan-refused, watch-refused, home-refused, saving-refused, busy, offline, fast,
 * still, primary.
 */
import { fakeArchive, type Archive } from './fake-archive';
import { problem, runbook, scenes } from './fake-archive/kit';
import { fakeCapacity, type Capacity } from './fake-capacity';
import { FakeCheck } from './fake-check';
import type { Host, Told } from './host';
import type { CheckDraft } from './types/CheckDraft';
import type { CheckSummary } from './types/CheckSummary';
import type { Home } from './types/Home';
import type { Live } from './types/Live';
import type { Parameters } from './types/Parameters';
import type { PlanPreview } from './types/PlanPreview';
import type { PreflightRow } from './types/PreflightRow';
import type { Service } from './types/Service';
import type { Settings } from './types/Settings';
import type { TestId } from './types/TestId';

/** What a test can do to the fake. */
export interface Fake {
  /** Every call of this half by name. */
  calls: [string, ...unknown[]][];
  /** Tells the page something. */
  tell(told: Told): void;
  /** Moves the running check to this moment of its clock and sends what is new. */
  to(ms: number): void;
  /** Sends a message as it is. */
  send(live: Live): void;
  /** The running check. */
  check(): FakeCheck | null;
  /** Ends the running check; its report is that of a saved one of the same kind. */
  finish(): void;
  /** The last title of the window. */
  title(): string;
  /** The last text on the clipboard. */
  clipboard(): string;
}

export type FakeHost = Host & Archive & Capacity & { fake: Fake };

const ALL: TestId[] = ['L1', 'L2', 'L3', 'C1', 'C2', 'C3', 'REP', 'BUCKET'];
const NAMES: Record<TestId, [string, string, number]> = {
  L1: ['Universe Node Expansion Concurrency', 'Node expansion', 6_000],
  L2: ['Calibration + Auto-Tune Mixed Workload', 'Calibration + auto-tune', 34_000],
  L3: ['Replay Streaming + Export Stress', 'Replay + export', 26_000],
  C1: ['Worker Restart Mid-Run', 'Worker restart', 60_000],
  C2: ['API Restart Mid-Stream', 'API restart', 100_000],
  C3: ['Transient DB Failure Simulation', 'Database outage', 84_000],
  REP: ['REP Integrity', 'Evidence packs', 20_000],
  BUCKET: ['Bucket Isolation', 'Artifact location', 6_000],
};
const RESTART: Partial<Record<TestId, [Service, number]>> = {
  C1: ['worker', 5_000],
  C2: ['api', 65_000],
  C3: ['postgres', 30_000],
};

function demands(id: TestId, of: Parameters): string {
  switch (id) {
    case 'L1':
      return `${of.l1.failure_limit} failures, P95 under ${of.l1.p95_limit_ms} ms`;
    case 'L2':
      return `${of.l2.failure_limit} failures, backlog under ${of.l2.backlog_limit}`;
    case 'L3':
      return `${of.l3.bucket_failure_limit} bucket failures, 0 timeouts`;
    case 'C1':
      return '0 stuck runs, 0 duplicates';
    case 'C2':
      return 'every stream reconnects or fails cleanly';
    case 'C3':
      return '0 corrupted, 0 stuck runs';
    case 'REP':
      return '5 files per run, hashes and counts agree';
    case 'BUCKET':
      return 'all in agentverse-staging-artifacts';
  }
}

function looser(of: Parameters): string[] {
  const out: string[] = [];
  if (of.l1.p95_limit_ms > 5000) out.push(`L1 P95 limit in ms ${of.l1.p95_limit_ms} (runbook 5000)`);
  if (of.l1.failure_limit > 0) out.push(`L1 failures ${of.l1.failure_limit} (runbook 0)`);
  if (of.l1.rounds < 3) out.push(`L1 rounds ${of.l1.rounds} (runbook 3)`);
  if (of.l2.backlog_limit > 100) out.push(`L2 backlog limit ${of.l2.backlog_limit} (runbook 100)`);
  return out;
}

function problemsOf(of: Parameters): string[] {
  const out: string[] = [];
  if (of.l1.rounds === 0) out.push('l1.rounds must be at least 1');
  if (of.l1.concurrency === 0) out.push('l1.concurrency must be at least 1');
  return out;
}

export function fakeHost(scene = ''): FakeHost {
  const has = scenes(scene);
  const archive = fakeArchive(has('first-run') ? `${scene}+empty` : has('sim') ? `${scene}+no-token` : scene);
  const capacity = fakeCapacity(scene);
  /** Saved checks of every kind, to model a finished one after. */
  const library = fakeArchive('');
  const calls: [string, ...unknown[]][] = [];
  const listeners = new Set<(told: Told) => void>();
  const done = new Map<number, CheckSummary>();
  const modelled = new Map<number, number>();
  let settings: Settings = { theme: 'system', reports_folder: '/home/mira/Downloads', notify: true, environment: null };
  let check: { draft: CheckDraft; run: FakeCheck; number: number; from: number } | null = null;
  let watcher: ((live: Live) => void) | null = null;
  let timer: ReturnType<typeof setInterval> | undefined;
  let now = 0;
  let title = '';
  let clipboard = '';

  const call = async <T>(name: string, args: unknown[], give: () => T): Promise<T> => {
    calls.push([name, ...args]);
    await Promise.resolve();
    return structuredClone(give());
  };
  const token = (environment: string) =>
    archive.archive.environments().find(({ name }) => name === environment)?.chaos === 'real';
  const chaosOf = (draft: CheckDraft) =>
    draft.simulate || draft.drill === 'no-token' || !token(draft.environment) ? 'simulated' : 'real';

  function rows(environment: string, simulated: boolean): PreflightRow[] {
    const row = (
      id: string,
      name: string,
      observed: string,
      state: PreflightRow['state'] = 'ok',
      remedy = '',
    ): PreflightRow => ({ id, title: name, state, observed, remedy });
    if (has('blocked') && environment !== 'rehearsal')
      return [
        row(
          'api.reachable',
          'API answers',
          'GET /health got no answer within 10 s',
          'not_ready',
          'Railway shows the service as crashed. Open its logs, or restart it and try again.',
        ),
        row('web.reachable', 'Web answers', '88 ms'),
        row('api.login', 'Login accepted', 'not asked: the API does not answer', 'not_checked'),
        row('worker.alive', 'Worker answers a task', 'not asked: the API does not answer', 'not_checked'),
        row('storage.key', 'Holdpoint reads the bucket', '24 ms'),
      ];
    if (has('misconfigured') && environment !== 'rehearsal')
      return [
        row('api.reachable', 'API answers', '142 ms'),
        row(
          'railway.ids',
          'Railway answers with the confirmed ids',
          'environment id 7f3a…, you confirmed 668c…',
          'misconfigured',
          'Use a token of your staging environment, or confirm the ids again under Environments.',
        ),
      ];
    return [
      row('api.reachable', 'API answers', '142 ms'),
      row('web.reachable', 'Web answers', '88 ms'),
      row('api.environment', 'API names its environment', 'staging'),
      row('api.clock', 'Clocks agree', '112 ms apart'),
      row('api.login', 'Login accepted', 'tenant 3'),
      row('worker.alive', 'Worker answers a task', '1 run in 2.1 s'),
      row('storage.probe', 'API writes and reads its bucket', '113 ms and 24 ms'),
      row('storage.key', 'Holdpoint reads the bucket', '24 ms'),
      simulated
        ? row(
            'railway.token',
            'Railway token',
            'none saved',
            'warning',
            'Restarts are simulated. Set a Railway token under Environments for real ones.',
          )
        : row('railway.token', 'Railway token accepted', 'project token'),
      simulated
        ? row('railway.ids', 'Confirmed ids', 'not needed', 'not_checked')
        : row('railway.ids', 'Confirmed ids', '3 of 3 match'),
      simulated
        ? row('railway.quiet', 'No deployment running', 'not checked', 'not_checked')
        : row('railway.quiet', 'No deployment running', 'last 11:17'),
    ];
  }

  function begin(draft: CheckDraft, at: number): number {
    const number = Math.max(0, ...done.keys(), archive.archive.last()?.number ?? 0) + 1;
    const chaos = chaosOf(draft);
    const kind = draft.environment === 'rehearsal' ? 'rehearsal' : 'staging';
    const run = new FakeCheck(
      {
        number,
        environment: draft.environment,
        kind,
        drill: draft.drill,
        chaos,
        tests: ALL.filter((id) => draft.tests.includes(id)),
        rows: rows(draft.environment, chaos === 'simulated'),
        busy: has('busy'),
        offline: has('offline'),
      },
      new Date(Date.now() - at),
    );
    check = { draft, run, number, from: Date.now() - at };
    now = at;
    return number;
  }

  function emit(whole = false): void {
    if (check && watcher) watcher(check.run.message(now, whole, done.has(check.number)));
  }

  async function finish(): Promise<void> {
    const ended = check;
    if (!ended) return;
    clearInterval(timer);
    const chaos = chaosOf(ended.draft);
    const rehearsal = ended.draft.environment === 'rehearsal';
    const model =
      ended.run.aborted !== null
        ? 39
        : ended.draft.tests.length < 8
          ? 44
          : rehearsal
            ? chaos === 'simulated'
              ? 32
              : 42
            : chaos === 'simulated'
              ? 46
              : 48;
    const { summary } = await library.report(model, false);
    const own: CheckSummary = {
      ...summary,
      number: ended.number,
      environment: ended.draft.environment,
      drill: ended.draft.drill,
      started_at: ended.run.startedAt,
    };
    done.set(ended.number, own);
    modelled.set(ended.number, model);
    now = Math.max(now, ended.run.total + 5_000);
    emit();
    check = null;
    for (const listener of listeners) listener({ what: 'check-ended', number: ended.number });
  }

  function run(): void {
    clearInterval(timer);
    if (has('still') || import.meta.env.MODE === 'test') return;
    timer = setInterval(() => {
      if (!check) return;
      now = (Date.now() - check.from) * (has('fast') ? 10 : 1);
      emit();
      if (check.run.over(now)) void finish();
    }, 100);
  }

  if (has('live') || has('mid') || has('late')) {
    begin(
      {
        environment: has('rehearsal') ? 'rehearsal' : 'staging',
        drill: null,
        tests: ALL,
        parameters: null,
        simulate: false,
        confirmed: ['worker', 'api', 'postgres'],
        confirmed_name: null,
      },
      has('mid') ? 186_000 : has('late') ? 330_000 : 0,
    );
    run();
  }

  const fake: Fake = {
    calls,
    tell: (told) => {
      for (const listener of listeners) listener(told);
    },
    to: (ms) => {
      now = ms;
      emit();
    },
    send: (live) => watcher?.(live),
    check: () => check?.run ?? null,
    finish: () => void finish(),
    title: () => title,
    clipboard: () => clipboard,
  };

  return {
    ...archive,
    ...capacity,
    fake,
    home: () =>
      call('home', [], (): Home => {
        if (has('home-refused'))
          throw problem(
            'folder.unreadable',
            'The folder of checks cannot be read.',
            'Permission denied (os error 13).',
            'Give yourself the right to read it, and try again.',
          );
        const own = [...done.values()].sort((a, b) => b.number - a.number);
        return {
          version: '0.1.0',
          checks: archive.archive.count() + done.size,
          environments: archive.archive.environments(),
          running: check
            ? {
                number: check.number,
                environment: check.draft.environment,
                chaos: chaosOf(check.draft),
                tests: check.draft.tests,
              }
            : null,
          last: own[0] ?? archive.archive.last(),
          settings,
          opened: null,
          opened_capacity: null,
          capacity: capacity.capacity.running(),
          refused: has('opened-refused')
            ? problem(
                'file.not_results',
                'This file was not opened.',
                'It has no "overall_status".',
                'Choose a step3_results.json or a Holdpoint results.json.',
              )
            : null,
        };
      }),
    about: () =>
      call('about', [], () => ({
        version: '0.1.0',
        checks_folder: '/home/mira/.local/share/holdpoint/checks',
        environments_folder: '/home/mira/.config/holdpoint/environments',
        checks_bytes: 183_400_000,
        license: 'MIT',
        runbook: runbook(),
        links: [
          ['Source code', 'https://github.com/example/holdpoint'],
          ['Railway tokens', 'https://railway.com/account/tokens'],
        ] as [string, string][],
      })),
    saveSettings: (to) =>
      call('saveSettings', [to], () => {
        if (has('saving-refused'))
          throw problem(
            'settings.unwritable',
            'The settings were not saved.',
            'No space left on the device.',
            'Make room and try again.',
          );
        settings = to;
      }),
    plan: (draft) =>
      call('plan', [draft], (): PlanPreview => {
        if (has('plan-refused'))
          throw problem(
            'environment.unreadable',
            'The plan cannot be made.',
            'The file of this environment cannot be read.',
            'Mend the file, or remove the environment.',
          );
        const chaos = chaosOf(draft);
        const rehearsal = draft.environment === 'rehearsal';
        const own = rehearsal ? { ...runbook(), l2: { ...runbook().l2, drain_deadline_s: 60 } } : runbook();
        const parameters = draft.parameters ?? own;
        const scale = rehearsal ? 0.16 : 1;
        const tests = ALL.map((id) => ({
          id,
          title: NAMES[id][0],
          short_title: NAMES[id][1],
          demands: demands(id, parameters),
          estimate_ms: NAMES[id][2] * scale * (chaos === 'simulated' && RESTART[id] ? 0.25 : 1),
          planned: draft.tests.includes(id),
        }));
        const restarts =
          chaos === 'simulated'
            ? []
            : ALL.flatMap((id) => {
                const restart = RESTART[id];
                return restart && draft.tests.includes(id)
                  ? [{ service: restart[0], test: id, back_in_ms: restart[1] * scale }]
                  : [];
              });
        return {
          tests,
          restarts,
          chaos,
          parameters,
          looser: looser(parameters),
          problems: [...problemsOf(parameters), ...(draft.tests.length === 0 ? ['No test is chosen'] : [])],
          consent_needed: restarts.length > 0 && !rehearsal,
          estimate_ms:
            5_000 * scale + tests.filter(({ planned }) => planned).reduce((sum, test) => sum + test.estimate_ms, 0),
        };
      }),
    preflight: (environment, simulate) => {
      calls.push(['preflight', environment, simulate]);
      if (has('preflight-never')) return new Promise(() => undefined);
      const wait = import.meta.env.MODE === 'test' || has('still') ? 0 : 900;
      return new Promise((resolve, reject) => {
        const give = () => {
          if (has('preflight-refused'))
            reject(
              problem(
                'rehearsal.failed',
                'The rehearsal did not start.',
                'Port 41811 is taken.',
                'End the program that uses it, and try again.',
              ),
            );
          const all = rows(environment, simulate || !token(environment));
          resolve({
            asked_at: new Date().toISOString(),
            rows: all,
            ready: all.every(({ state }) => state !== 'not_ready' && state !== 'misconfigured'),
            name_to_confirm: has('primary')
              ? {
                  name: 'production',
                  project: 'agentverse-staging',
                  why: 'Railway calls it production, and it is the primary environment of its project',
                }
              : null,
          });
        };
        if (wait === 0) void Promise.resolve().then(give);
        else setTimeout(give, wait);
      });
    },
    startCheck: (draft) =>
      call('startCheck', [structuredClone(draft)], () => {
        if (has('start-refused'))
          throw problem(
            'check.unconfirmed',
            'The check was not started.',
            'A deployment of the API began a moment ago.',
            'Wait until it is done, and start again.',
          );
        const number = begin(draft, 0);
        run();
        return number;
      }),
    watchCheck: async (onLive) => {
      calls.push(['watchCheck']);
      await Promise.resolve();
      if (has('watch-refused'))
        throw problem(
          'check.not_running',
          'The running check cannot be watched.',
          'Its journal cannot be read.',
          'It goes on. Look for it in History when it is done.',
        );
      if (!check) throw problem('check.not_running', 'No check is running.');
      watcher = onLive;
      emit(true);
      return () => {
        watcher = null;
      };
    },
    abortCheck: () =>
      call('abortCheck', [], () => {
        if (!check) throw problem('check.not_running', 'No check is running.');
        check.run.aborted ??= now;
        emit();
      }),
    checks: async (query) => {
      const answer = await archive.checks(query);
      const own = [...done.values()]
        .filter((one) => query.environment === null || one.environment === query.environment)
        .sort((a, b) => b.number - a.number);
      return query.offset === 0 && query.text === '' && query.verdict === null
        ? {
            total: answer.total + done.size,
            matching: answer.matching + own.length,
            checks: [...own, ...answer.checks],
          }
        : answer;
    },
    report: async (number, dark) => {
      calls.push(['report', number, dark]);
      const model = modelled.get(number);
      if (model === undefined) return archive.report(number, dark);
      const answer = await library.report(model, dark);
      return { ...answer, summary: done.get(number) ?? answer.summary };
    },
    pickFolder: (current) => call('pickFolder', [current], () => (has('cancelled') ? null : '/home/mira/Reports')),
    openLink: (url) => call('openLink', [url], () => undefined),
    copyText: (text) =>
      call('copyText', [text], () => {
        if (has('refused'))
          throw problem(
            'clipboard.refused',
            'The text was not copied.',
            'The system refused the clipboard.',
            'Select the text and copy it by hand.',
          );
        clipboard = text;
      }),
    setTitle: (to) =>
      call('setTitle', [to], () => {
        title = to;
      }),
    closeAnyway: () => call('closeAnyway', [], () => undefined),
    listen: async (onTold) => {
      await Promise.resolve();
      listeners.add(onTold);
      return () => listeners.delete(onTold);
    },
  };
}
