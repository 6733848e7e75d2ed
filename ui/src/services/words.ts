/** Words of the services. */
import type { RestartReport } from '../host/types/RestartReport';
import type { Service } from '../host/types/Service';
import type { ServiceState } from '../host/types/ServiceState';
import type { Marked } from '../report/words';
import { SERVICE } from '../report/words';
import { seconds } from '../report/seconds';

const STATE: Record<ServiceState, Marked> = {
  ready: { state: 'passed', label: 'Ready' },
  slow: { state: 'slow', label: 'Slow' },
  down: { state: 'failed', label: 'Down' },
  unknown: { state: 'not_planned', label: 'Unknown' },
};

/** A service's state. */
export function serviceMark(state: ServiceState): Marked {
  return STATE[state] ?? STATE.unknown;
}

/** What restarting a service does to others. */
export const EFFECT: Record<Service, string> = {
  api: 'Until it is back, requests fail for everyone who uses this environment, and open streams break.',
  worker: 'Runs that are being executed are interrupted. A sound worker takes them up again.',
  web: 'Until it is back, the web front does not open.',
  minio: 'Until it is back, nothing can be written to the bucket or read from it.',
  postgres: 'Until it is back, every request that needs data fails.',
  redis: 'Until it is back, nothing can be queued. What is only in memory is lost.',
};

/** How a restart ended: kind of the notice, its title and its text. Accepted is not restarted. */
export function restartWords(report: RestartReport): { kind: 'info' | 'warn' | 'fail'; title: string; text: string } {
  const name = SERVICE[report.service] ?? report.service;
  switch (report.outcome) {
    case 'proven':
      return {
        kind: 'info',
        title: `${name} was restarted: proven by its identity`,
        text: `Back after ${seconds(report.seconds)}, identity ${report.before ?? 'unknown'} to ${report.after ?? 'unknown'}.`,
      };
    case 'accepted':
      return {
        kind: 'warn',
        title: `Restart of ${name} accepted, not proven`,
        text: report.message,
      };
    default:
      return { kind: 'fail', title: `Restart of ${name} was not seen`, text: report.message };
  }
}

/** How a redeploy ended. */
export function redeployWords(report: RestartReport): { kind: 'info' | 'fail'; title: string; text: string } {
  const name = SERVICE[report.service] ?? report.service;
  return report.outcome === 'proven'
    ? { kind: 'info', title: `${name} works again from a new deployment`, text: report.message }
    : { kind: 'fail', title: `Redeploy of ${name} did not help yet`, text: report.message };
}
