/** The services of the fake's environments, their logs, restarts and the storage test. */
import type { DependencyRow } from '../types/DependencyRow';
import type { RecoveryFound } from '../types/RecoveryFound';
import type { RestartReport } from '../types/RestartReport';
import type { Service } from '../types/Service';
import type { ServiceLog } from '../types/ServiceLog';
import type { ServiceRow } from '../types/ServiceRow';
import type { ServicesView } from '../types/ServicesView';
import type { StorageReport } from '../types/StorageReport';
import { BUCKET, dice, hex, HOSTILE, problem } from './kit';

type Row = [Service, string, string, number, string];

const ROWS: Row[] = [
  ['api', 'API', 'version 1.18.2', 142, '2026-01-12T10:17:40Z'],
  ['worker', 'Worker', '1 online, queue empty', 41, '2026-01-12T10:17:52Z'],
  ['web', 'Web', 'usually 88 ms', 212, '2026-01-11T16:02:11Z'],
  ['minio', 'MinIO', 'through the API', 24, '2026-01-02T09:00:00Z'],
  ['postgres', 'Postgres', 'through the API', 12, '2026-01-02T09:00:00Z'],
  ['redis', 'Redis', 'through the API', 3, '2026-01-02T09:00:00Z'],
];

/** The first services of a scene; `asks` counts how often they were asked. */
export function servicesView(environment: string, has: (word: string) => boolean, asks: number): ServicesView {
  const down = has('services-down') || has('api-down');
  const railway = has('railway-unreachable');
  const token = !has('no-token');
  const text = has('hostile') ? HOSTILE : '';
  const services = ROWS.map(([service, title, note, ms, deployed]): ServiceRow => {
    const through = ['minio', 'postgres', 'redis'].includes(service);
    const state: ServiceRow['state'] =
      down && service === 'api'
        ? 'down'
        : down && (through || service === 'worker')
          ? 'unknown'
          : service === 'web'
            ? 'slow'
            : 'ready';
    return {
      service,
      title,
      note: text || note,
      state,
      detail:
        text ||
        (state === 'down'
          ? 'GET /health got no answer within 10 s'
          : state === 'unknown'
            ? 'the API cannot be asked'
            : state === 'slow'
              ? '212 ms, usually 88 ms'
              : ''),
      answers_ms: state === 'down' || state === 'unknown' ? null : ms + (asks % 3),
      deployed_at: railway || !token || environment === 'rehearsal' ? null : deployed,
      no_restart: railway
        ? 'Railway cannot be reached.'
        : !token && environment !== 'rehearsal'
          ? 'There is no Railway token for this environment.'
          : null,
    };
  });
  const dependency = (name: string, latency_ms: number): DependencyRow => ({
    name: text || name,
    status: 'ok',
    ok: true,
    latency_ms,
    message: '',
  });
  return {
    asked_at: new Date().toISOString(),
    services,
    dependencies: down
      ? []
      : [dependency('postgres', 12), dependency('redis', 3), dependency('minio', 24), dependency('worker', 41)],
    api: down ? '' : `1.18.2, calls itself ${environment}`,
    api_problem: down
      ? problem(
          'api.unreachable',
          'The API cannot be reached.',
          'GET /health got no answer within 10 s. The address resolves, so it may still be starting.',
          'Try again in a minute, or look at its log on Railway.',
        )
      : null,
    railway_problem: railway
      ? problem(
          'railway.unreachable',
          'Railway cannot be reached.',
          'backboard.railway.com got no answer within 10 s.',
          'Look at your network. Until then nothing can be restarted from here.',
        )
      : null,
  };
}

/** The storage test. */
export function storageReport(has: (word: string) => boolean): StorageReport {
  const bad = has('storage-broken');
  return {
    at: new Date().toISOString(),
    ok: !bad,
    bucket: has('hostile') ? HOSTILE : BUCKET,
    object: 'storage-test/7c02b1.txt',
    write_ms: 113,
    read_ms: bad ? null : 24,
    verified: bad ? null : true,
    message: bad ? 'GetObject: access denied' : 'wrote and read 112 B',
  };
}

const TALK: Partial<Record<Service, [string, string][]>> = {
  api: [
    ['info', 'GET /health 200 in 3 ms'],
    ['info', 'POST /v1/runs 201 in 88 ms'],
    ['warn', 'slow request: POST /v1/universes/41/fork took 1611 ms'],
    ['info', 'GET /v1/runs/c15b27/stream opened'],
  ],
  worker: [
    ['info', 'Task run.execute[c15b27] received'],
    ['info', 'Task run.execute[c15b27] tick 8 of 40, 11 agents'],
    ['warn', 'Warm shutdown (MainProcess): 8 tasks go back to the queue'],
    ['error', 'LLM call timed out after 20 s, retry 1 of 3 (run 9f88a5)'],
    ['info', 'Queue empty'],
  ],
  web: [['info', 'GET / 200 in 41 ms']],
  postgres: [
    ['info', 'checkpoint complete: wrote 81 buffers'],
    ['', 'LOG:  autovacuum launcher started'],
  ],
  redis: [['info', 'Background saving terminated with success']],
  minio: [['info', 'PUT agentverse-staging-artifacts/runs/c15b27/trace.ndjson 200']],
};

/** Log lines of a service; every further ask finds some more. */
export function serviceLog(service: Service, has: (word: string) => boolean, asks: number): ServiceLog[] {
  const next = dice(service.length * 997);
  const talk = TALK[service] ?? [];
  let at = Date.parse('2026-01-12T13:03:38.102Z') + service.length * 91;
  return Array.from({ length: 60 + asks * 2 }, (_, k): ServiceLog => {
    const [level, text] = talk[k % talk.length] ?? ['', ''];
    at += Math.round(400 + next() * 2600);
    return { service, at: new Date(at).toISOString(), level, text: has('hostile') ? HOSTILE : text };
  });
}

/** A restart by hand. */
export function restart(service: Service, has: (word: string) => boolean): RestartReport {
  const next = dice(service.length * 31 + 5);
  const before = hex(next, 8);
  const after = hex(next, 8);
  if (has('restart-unseen') && ['api', 'worker'].includes(service)) {
    return {
      service,
      outcome: 'not_seen',
      seconds: 180,
      before,
      after: null,
      message: 'Railway accepted the restart. The same process still answers after 180 s.',
    };
  }
  if (['api', 'worker', 'postgres'].includes(service)) {
    return {
      service,
      outcome: 'proven',
      seconds: service === 'api' ? 64.6 : 5.2,
      before,
      after,
      message: 'Another process answers.',
    };
  }
  return {
    service,
    outcome: 'accepted',
    seconds: 0.9,
    before: null,
    after: null,
    message: 'Railway accepted the restart. This service shows no identity, so it cannot be proven from here.',
  };
}

/** A redeploy by hand. */
export function redeploy(service: Service): RestartReport {
  return {
    service,
    outcome: 'proven',
    seconds: 48.2,
    before: 'deployment 1b2c',
    after: 'deployment 3d4e',
    message: 'Works again from a new deployment, after 48.2 s.',
  };
}

/** What became of the worker that a cut-off check had restarted. */
export function recoveryFound(has: (word: string) => boolean): RecoveryFound[] {
  const away = has('still-away');
  return [
    {
      service: 'worker',
      test: 'C1',
      state: away ? 'away' : 'back',
      before: 'boot id 51c0',
      now: away ? null : 'boot id 9e4f',
      message: away
        ? 'worker does not work: it did not answer a task.'
        : 'worker is back as another process: the worker answered a task.',
      next: away ? 'Bring it back under Services.' : 'Nothing has to be brought back.',
    },
  ];
}
