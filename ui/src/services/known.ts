/**
 * What was last seen of each service. When Railway or the API cannot be asked, the page shows the last answer with its time
 * instead of nothing, and never as if it were new.
 */
import type { Service } from '../host/types/Service';
import type { ServiceRow } from '../host/types/ServiceRow';
import type { ServicesView } from '../host/types/ServicesView';

export interface Known {
  answers: { ms: number; at: string } | null;
  deployed: { on: string; at: string } | null;
  state: { is: ServiceRow['state']; at: string } | null;
}

/** The last good facts after one more answer. */
export function learn(before: Map<Service, Known>, view: ServicesView): Map<Service, Known> {
  const after = new Map(before);
  for (const row of view.services) {
    const old = before.get(row.service) ?? { answers: null, deployed: null, state: null };
    after.set(row.service, {
      answers: row.answers_ms === null ? old.answers : { ms: row.answers_ms, at: view.asked_at },
      deployed: row.deployed_at === null ? old.deployed : { on: row.deployed_at, at: view.asked_at },
      state: row.state === 'unknown' ? old.state : { is: row.state, at: view.asked_at },
    });
  }
  return after;
}
