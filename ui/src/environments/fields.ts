/** The limits and amounts of an environment in words, by the test they belong to. */
import type { EnvironmentForm } from '../host/types/EnvironmentForm';
import type { Parameters } from '../host/types/Parameters';
import type { Service } from '../host/types/Service';

/** The parts of the limits that are amounts. */
export type AmountPart = Exclude<keyof Parameters, 'regression'>;

export interface Amount {
  part: AmountPart;
  name: string;
  label: string;
  unit: string;
}

export interface Group {
  part: AmountPart;
  id: string;
  title: string;
  amounts: Amount[];
}

function group(part: AmountPart, id: string, title: string, amounts: [string, string, string?][]): Group {
  return { part, id, title, amounts: amounts.map(([name, label, unit]) => ({ part, name, label, unit: unit ?? '' })) };
}

export const GROUPS: Group[] = [
  group('general', '', 'Requests and preflight', [
    ['request_timeout_s', 'A request times out after', 's'],
    ['preflight_run_deadline_s', 'Preflight run, at most', 's'],
    ['clock_difference_limit_s', 'Clock difference, at most', 's'],
    ['fault_spacing_s', 'Between two faults, at least', 's'],
    ['fault_limit', 'Faults, at most'],
  ]),
  group('l1', 'L1', 'Node expansion', [
    ['concurrency', 'Expansions at once'],
    ['rounds', 'Rounds'],
    ['failure_limit', 'Failures, at most'],
    ['p95_limit_ms', 'P95, below', 'ms'],
  ]),
  group('l2', 'L2', 'Calibration + auto-tune', [
    ['calibrations', 'Calibrations at once'],
    ['auto_tunes', 'Auto-tunes at once'],
    ['pressure_runs', 'Runs beside them'],
    ['failure_limit', 'Failures, at most'],
    ['backlog_limit', 'Backlog, below'],
    ['drain_deadline_s', 'Queue empty within', 's'],
  ]),
  group('l3', 'L3', 'Replay + export', [
    ['streams', 'Streams at once'],
    ['exports', 'Exports at once'],
    ['ticks', 'Ticks of a stream'],
    ['storage_probes', 'Storage probes'],
    ['bucket_failure_limit', 'Bucket failures, at most'],
    ['silence_s', 'Silent stream times out after', 's'],
  ]),
  group('c1', 'C1', 'Worker restart', [
    ['runs', 'Runs before the restart'],
    ['restart_deadline_s', 'Worker back within', 's'],
    ['run_deadline_s', 'Runs ended within', 's'],
  ]),
  group('c2', 'C2', 'API restart', [
    ['streams', 'Streams during the restart'],
    ['ticks', 'Ticks of a stream'],
    ['probe_ms', 'Between two probes', 'ms'],
    ['restart_deadline_s', 'API back within', 's'],
    ['silence_s', 'Silent stream hangs after', 's'],
  ]),
  group('c3', 'C3', 'Database outage', [
    ['writes_per_second', 'Writes a second'],
    ['probe_ms', 'Between two reads', 'ms'],
    ['before_s', 'Load before', 's'],
    ['after_s', 'Load after', 's'],
    ['runs', 'Runs in flight'],
    ['restart_deadline_s', 'Database back within', 's'],
    ['run_deadline_s', 'Runs ended within', 's'],
  ]),
];

export const SERVICES: [Service, string][] = [
  ['api', 'API'],
  ['worker', 'Worker'],
  ['web', 'Web'],
  ['minio', 'MinIO'],
  ['postgres', 'Postgres'],
  ['redis', 'Redis'],
];

/** Plain text fields of the form. */
export const TEXTS = [
  'name',
  'api_url',
  'web_url',
  'storage_url',
  'bucket',
  'region',
  'expected_environment',
] as const satisfies (keyof EnvironmentForm)[];

const KNOWN = new Set<string>([
  ...TEXTS,
  'railway.url',
  'railway.project_id',
  'railway.environment_id',
  ...SERVICES.map(([service]) => `railway.services.${service}`),
  'parameters.regression.tolerance_pct',
  ...GROUPS.flatMap(({ amounts }) => amounts.map(({ part, name }) => `parameters.${part}.${name}`)),
]);

/** Whether a row of the form shows this field. */
export function isShown(field: string): boolean {
  return KNOWN.has(field);
}

/** A value of limits by its place. */
export function amountOf(parameters: Parameters, amount: Amount): number | undefined {
  return (parameters[amount.part] as Record<string, number>)[amount.name];
}

/** The amounts that may have a fraction; all others count things or seconds. */
const FRACTIONS = new Set(['l1.p95_limit_ms', 'c3.writes_per_second']);

/**
 * Why Rust could not even read an amount; none when it can. Whether the amount makes sense is for Rust to say, but a text that
 * is no number, or half a round, does not reach it as a number at all.
 */
export function amountProblem(amount: Pick<Amount, 'part' | 'name'>, value: number): string | null {
  if (!Number.isFinite(value)) return 'This needs a number.';
  if (value < 0) return 'This needs a number of 0 or more.';
  if (!FRACTIONS.has(`${amount.part}.${amount.name}`) && !Number.isInteger(value)) return 'This needs a whole number.';
  return value > 4_294_967_295 ? 'This number is too large.' : null;
}

/** An empty form for a new environment, with the limits of the runbook. */
export function emptyForm(parameters: Parameters): EnvironmentForm {
  return {
    name: '',
    api_url: '',
    web_url: '',
    storage_url: '',
    bucket: '',
    region: 'us-east-1',
    expected_environment: 'staging',
    railway: null,
    parameters: structuredClone(parameters),
  };
}

/** The address Railway answers at. */
export const RAILWAY_URL = 'https://backboard.railway.com/graphql/v2';
