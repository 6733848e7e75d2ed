/** What a person has chosen for the next capacity run. Kept while the page lives; the consent is not. */
import type { ApiOperation } from '../host/types/ApiOperation';
import type { CapacityDraft } from '../host/types/CapacityDraft';
import type { CapacityModel } from '../host/types/CapacityModel';
import type { CapacityTarget } from '../host/types/CapacityTarget';
import type { PackageDraft } from '../host/types/PackageDraft';
import type { TestId } from '../host/types/TestId';

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

/** Tests of the runbook that are loads. */
export const TESTS: [TestId, string, string][] = [
  ['L1', 'L1', 'expands nodes at once, in rounds; what was acknowledged is read back'],
  ['L2', 'L2', 'calibrations and auto-tunes, mixed'],
  ['L3', 'L3', 'telemetry streams and exports, mixed'],
];

/** Who sends. */
export type Who = 'own' | 'locust' | 'master';

export const SENDERS: [Who, string, string][] = [
  ['own', 'This computer', 'Holdpoint’s own engine. Enough for most environments.'],
  ['locust', 'Locust on this computer', 'Several workers share the load. Needs Python 3.11 or newer.'],
  [
    'master',
    'A Locust master that runs elsewhere',
    'Your team runs it, on as many machines as it takes. Holdpoint writes the plan and judges what the workers recorded.',
  ],
];

/** What is done with a master that runs elsewhere, in the order in which it is done. */
export type Step = 'write' | 'join' | 'judge';

export const STEPS: [Step, string, string][] = [
  [
    'write',
    'Write the package',
    'A folder from which your team starts the master and its workers. Nothing is sent yet.',
  ],
  ['join', 'Join the master', 'Starts the load of the package on a master that runs, follows it, and judges it.'],
  ['judge', 'Judge evidence', 'Judges the file that a master left, where it was started without Holdpoint.'],
];

export class Next {
  who = $state<Who>('own');
  step = $state<Step>('write');
  /** The folder of the package that a master was started from. */
  folder = $state('');
  /** The address of the master's page. */
  master = $state('');
  what = $state<CapacityTarget['what']>('operations');
  test = $state<TestId>('L1');
  /** Thresholds besides the criteria of the test. */
  further = $state('');
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
    workers: 2,
  });
  stages = $state('0-50:30s, 50:1m');
  poisson = $state(false);
  thresholds = $state('p95<500ms\nfailures<1%');

  /** Whether a package says what is asked and how much. */
  get packaged(): boolean {
    return this.who === 'master' && this.step !== 'write';
  }

  /** What is asked: others are given an address, and only workers on this computer send a test of the runbook. */
  get asks(): CapacityTarget['what'] {
    if (this.who === 'master') return 'url';
    return this.what === 'test' && this.who !== 'locust' ? 'operations' : this.what;
  }

  /** The numbers that the chosen model has; a test has its own. */
  get used(): string[] {
    if (this.asks === 'test') return [];
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
    if (this.packaged) return true;
    const all = [...this.used, 'in_flight', ...(this.who === 'locust' ? ['workers'] : [])];
    return all.every((name) => Number.isFinite(this.numbers[name]));
  }

  private target(): CapacityTarget {
    switch (this.asks) {
      case 'url':
        return { what: 'url', url: this.url };
      case 'test':
        return { what: 'test', test: this.test };
      case 'operations':
        return {
          what: 'operations',
          operations: OPERATIONS.map(([name]) => name).filter((name) => this.operations.includes(name)),
        };
    }
  }

  private amount(): CapacityModel {
    const numbers = Object.fromEntries(this.used.map((name) => [name, this.numbers[name] ?? 0]));
    return {
      model: this.model,
      ...numbers,
      ...(this.model === 'stages' ? { stages: this.stages } : {}),
      ...(['rate', 'stages', 'limit'].includes(this.model) ? { poisson: this.poisson } : {}),
    } as CapacityModel;
  }

  draft(environment: string, confirmed: string | null): CapacityDraft {
    const test = this.asks === 'test';
    return {
      environment,
      engine: this.who === 'locust' ? { engine: 'locust', workers: this.numbers.workers ?? 0 } : { engine: 'own' },
      target: this.target(),
      // A test has its own amount; what stands there then is not looked at.
      model: test ? { model: 'rounds', concurrency: 1, rounds: 1 } : this.amount(),
      in_flight: this.numbers.in_flight ?? 0,
      thresholds: lines(test ? this.further : this.thresholds),
      confirmed,
    };
  }

  /** The load of a package. */
  package(environment: string, confirmed: string | null): PackageDraft {
    return {
      environment,
      package: this.folder,
      master: this.step === 'join' ? this.master : null,
      thresholds: lines(this.thresholds),
      confirmed,
    };
  }
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

export const next = new Next();
