/**
 * The next check as a person puts it together. It outlives the screen, so that a look elsewhere loses nothing; the consent
 * to restarts does not, because it is asked for every check anew.
 */
import type { AmountPart } from '../environments/fields';
import type { CheckDraft } from '../host/types/CheckDraft';
import type { Parameters } from '../host/types/Parameters';
import type { TestId } from '../host/types/TestId';

export const LOAD: TestId[] = ['L1', 'L2', 'L3'];
export const CHAOS: TestId[] = ['C1', 'C2', 'C3'];
export const VERIFY: TestId[] = ['REP', 'BUCKET'];
export const ALL: TestId[] = [...LOAD, ...CHAOS, ...VERIFY];

export type Part = AmountPart;

/** Amounts that need not be whole. */
const FRACTIONS = new Set(['l1.p95_limit_ms', 'c3.writes_per_second']);

export class NextCheck {
  tests = $state.raw<TestId[]>([...ALL]);
  /** Values that differ from the environment's; none to take those. */
  parameters = $state.raw<Parameters | null>(null);
  /** What was in force before the first of them was changed. */
  before = $state.raw<Parameters | null>(null);
  simulate = $state(false);

  has(test: TestId): boolean {
    return this.tests.includes(test);
  }

  set(tests: TestId[], on: boolean): void {
    this.tests = ALL.filter((test) => (tests.includes(test) ? on : this.has(test)));
  }

  only(tests: TestId[]): void {
    this.tests = ALL.filter((test) => tests.includes(test));
  }

  /** `all`, `load`, `chaos`, `verify`, or nothing that has a name. */
  get suite(): string {
    const is = (tests: TestId[]) => tests.length === this.tests.length && tests.every((test) => this.has(test));
    return is(ALL) ? 'all' : is(LOAD) ? 'load' : is(CHAOS) ? 'chaos' : is(VERIFY) ? 'verify' : 'some';
  }

  /** Changes a number; `base` is what was in force before. */
  amount(base: Parameters, part: Part, name: string, value: number): void {
    if (!this.parameters) this.before = base;
    this.parameters = { ...base, [part]: { ...base[part], [name]: value } };
  }

  /** A part as another has it. */
  reset(base: Parameters, to: Parameters, parts: Part[]): void {
    if (!this.parameters) this.before = base;
    const next = { ...base };
    for (const part of parts) Object.assign(next, { [part]: { ...to[part] } });
    this.parameters = next;
  }

  draft(environment: string): CheckDraft {
    return {
      environment,
      drill: null,
      tests: [...this.tests],
      parameters: this.parameters,
      simulate: this.simulate,
      confirmed: [],
      confirmed_name: null,
    };
  }
}

/** What is wrong with an amount before anybody is asked; none when Rust can read it. */
export function wrongAmount(part: Part, name: string, value: number): string | undefined {
  if (!Number.isFinite(value)) return 'This needs a number.';
  if (value < 0) return 'This needs a number of 0 or more.';
  if (!Number.isInteger(value) && !FRACTIONS.has(`${part}.${name}`)) return 'This needs a whole number.';
  return undefined;
}

/** Whether every amount can be sent. */
export function sendable(parameters: Parameters | null): boolean {
  if (!parameters) return true;
  return Object.entries(parameters).every(
    ([part, values]) =>
      // What a regression does to the verdict is chosen with the limits of the environment, which are read there.
      part === 'regression' ||
      Object.entries(values as Record<string, number>).every(
        ([name, value]) => wrongAmount(part as Part, name, value) === undefined,
      ),
  );
}

const kept = new Map<string, NextCheck>();

/** The next check of an environment. */
export function nextCheck(environment: string): NextCheck {
  const known = kept.get(environment);
  if (known) return known;
  const made = new NextCheck();
  kept.set(environment, made);
  return made;
}

/** Forgets all of them, for tests. */
export function forgetNext(): void {
  kept.clear();
}
