/** What a person has chosen for the next capacity run. Kept while the page lives; the consent is not. */
import type { ApiOperation } from '../host/types/ApiOperation';
import type { CapacityDraft } from '../host/types/CapacityDraft';
import type { CapacityModel } from '../host/types/CapacityModel';

export const OPERATIONS: [ApiOperation, string, string][] = [
  ['health', 'Health', 'asks whether the API is alive'],
  ['ready', 'Readiness', 'asks whether its dependencies are'],
  ['projects', 'Projects', 'lists the projects of the login'],
  ['run', 'Read a run', 'a project and a run are made for it, and removed'],
  ['expand', 'Expand a node', 'as L1 does; a project is made for it, and removed'],
];

export const MODELS: [CapacityModel['model'], string, string][] = [
  ['rate', 'Arrival rate', 'Requests leave at a steady rate, whether answers come or not.'],
  ['users', 'Users', 'Each waits for the answer, pauses, and asks again.'],
  ['rounds', 'Rounds', 'Bursts at once, each after the one before, as L1 does.'],
  ['stages', 'Stages', 'A rate that ramps, steps or spikes.'],
  ['limit', 'Find the limit', 'Raises the rate until a threshold breaks, and closes in on the knee.'],
];

export class Next {
  what = $state<'operations' | 'url'>('operations');
  operations = $state<ApiOperation[]>(['health']);
  url = $state('/health');
  model = $state<CapacityModel['model']>('rate');
  /** Every number by its field, as typed. */
  numbers = $state<Record<string, number>>({
    per_second: 20,
    seconds: 30,
    users: 20,
    think: 1,
    concurrency: 20,
    rounds: 3,
    from: 10,
    up_to: 500,
    in_flight: 1000,
  });
  stages = $state('0-50:30s, 50:1m');
  poisson = $state(false);
  thresholds = $state('p95<500ms\nfailures<1%');

  /** The numbers that the chosen model has. */
  get used(): string[] {
    switch (this.model) {
      case 'rate':
        return ['per_second', 'seconds'];
      case 'users':
        return ['users', 'think', 'seconds'];
      case 'rounds':
        return ['concurrency', 'rounds'];
      case 'stages':
        return [];
      case 'limit':
        return ['from', 'up_to', 'seconds'];
    }
  }

  /** Whether every amount is a number; what is none cannot be sent. */
  get sendable(): boolean {
    return [...this.used, 'in_flight'].every((name) => Number.isFinite(this.numbers[name]));
  }

  draft(environment: string, confirmed: string | null): CapacityDraft {
    const numbers = Object.fromEntries(this.used.map((name) => [name, this.numbers[name] ?? 0]));
    const open = { poisson: this.poisson };
    const model = {
      model: this.model,
      ...numbers,
      ...(this.model === 'stages' ? { stages: this.stages } : {}),
      ...(['rate', 'stages', 'limit'].includes(this.model) ? open : {}),
    } as CapacityModel;
    return {
      environment,
      target:
        this.what === 'url'
          ? { what: 'url', url: this.url }
          : {
              what: 'operations',
              operations: OPERATIONS.map(([name]) => name).filter((name) => this.operations.includes(name)),
            },
      model,
      in_flight: this.numbers.in_flight ?? 0,
      thresholds: this.thresholds
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
      confirmed,
    };
  }
}

export const next = new Next();
