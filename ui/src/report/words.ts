/** Words of a report: each state of the contract as the mark and the word a person sees. */
import type { BucketPart } from '../host/types/BucketPart';
import type { Criterion } from '../host/types/Criterion';
import type { FaultState } from '../host/types/FaultState';
import type { PreflightRow } from '../host/types/PreflightRow';
import type { RecoveryFound } from '../host/types/RecoveryFound';
import type { Service } from '../host/types/Service';
import type { Sureness } from '../host/types/Sureness';
import type { TestId } from '../host/types/TestId';
import type { TestState } from '../host/types/TestState';

/** A state for the status mark with its word. */
export interface Marked {
  state: TestState | 'slow' | 'warning';
  label: string;
}

const CRITERION: Record<string, Marked> = {
  met: { state: 'passed', label: 'Met' },
  broken: { state: 'failed', label: 'Not met' },
  unproven: { state: 'unproven', label: 'Not proven' },
  simulated: { state: 'simulated', label: 'Simulated' },
  waived: { state: 'warning', label: 'Waived' },
};

/** A criterion. A state this page does not know is never drawn as met. */
export function criterionMark(criterion: Pick<Criterion, 'state'>): Marked {
  return CRITERION[criterion.state] ?? { state: 'unproven', label: criterion.state };
}

const ROW: Record<PreflightRow['state'], Marked> = {
  ok: { state: 'passed', label: 'OK' },
  warning: { state: 'warning', label: 'Warning' },
  not_ready: { state: 'failed', label: 'Not ready' },
  misconfigured: { state: 'failed', label: 'Misconfigured' },
  not_checked: { state: 'not_planned', label: 'Not checked' },
};

/** A row of the preflight. */
export function rowMark(row: Pick<PreflightRow, 'state'>): Marked {
  return ROW[row.state] ?? { state: 'unproven', label: row.state };
}

const PART: Record<BucketPart['state'], Marked> = {
  holds: { state: 'passed', label: 'Holds' },
  broken: { state: 'failed', label: 'Broken' },
  unproven: { state: 'unproven', label: 'Not proven' },
  not_checked: { state: 'not_planned', label: 'Not checked' },
};

/** A part of bucket isolation. */
export function partMark(part: Pick<BucketPart, 'state'>): Marked {
  return PART[part.state] ?? { state: 'unproven', label: part.state };
}

const FAULT: Record<FaultState, Marked> = {
  asked: { state: 'unproven', label: 'Asked for' },
  down: { state: 'failed', label: 'Down' },
  recovered: { state: 'passed', label: 'Back' },
  refused: { state: 'failed', label: 'Refused' },
  unproven: { state: 'unproven', label: 'Not proven' },
  not_recovered: { state: 'failed', label: 'Not back' },
  simulated: { state: 'simulated', label: 'Simulated' },
};

/** A restart. */
export function faultMark(state: FaultState): Marked {
  return FAULT[state] ?? { state: 'unproven', label: state };
}

const RECOVERY: Record<RecoveryFound['state'], Marked> = {
  back: { state: 'passed', label: 'Back' },
  untouched: { state: 'passed', label: 'Never hit' },
  works: { state: 'passed', label: 'Works' },
  away: { state: 'failed', label: 'Away' },
};

/** A service whose restart has no end on record. */
export function recoveryMark(found: Pick<RecoveryFound, 'state'>): Marked {
  return RECOVERY[found.state] ?? { state: 'unproven', label: found.state };
}

const SURENESS: Record<Sureness, [string, string]> = {
  proven: ['proven', 'The real operation ran, and its effect was read back by another way.'],
  observed: ['observed', 'The real operation ran; its effect could not be read back.'],
  proxied: ['proxied', 'A stand-in for the operation ran.'],
  simulated: ['simulated', 'No fault was injected; the load around it was real.'],
  not_drivable: ['not drivable', 'This server cannot do it.'],
  not_checked: ['not checked', 'It was left out.'],
};

/** How sure a value is: the word, and what it means. */
export function sureness(of: Sureness): [string, string] {
  return SURENESS[of] ?? [of, ''];
}

export const SERVICE: Record<Service, string> = {
  api: 'API',
  worker: 'Worker',
  web: 'Web',
  minio: 'MinIO',
  postgres: 'Postgres',
  redis: 'Redis',
};

/** A test's short name as people read it. */
export function testName(test: TestId): string {
  return test === 'BUCKET' ? 'Bucket' : test;
}
