/**
 * What a person has typed into the form of an environment. It outlives the screen: leaving by whatever way keeps it, so that
 * nothing typed is lost, and coming back shows it as not saved.
 */
import { SvelteSet } from 'svelte/reactivity';
import type { Host } from '../host/host';
import type { EnvironmentForm } from '../host/types/EnvironmentForm';
import type { EnvironmentView } from '../host/types/EnvironmentView';
import type { FieldProblem } from '../host/types/FieldProblem';
import type { Problem } from '../host/types/Problem';
import type { Service } from '../host/types/Service';
import { amountProblem, GROUPS, type AmountPart } from './fields';

/** Objects with their keys in order, so that two forms compare by value. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, plain(inner)]),
  );
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}

export class Draft {
  form = $state<EnvironmentForm>(null as never);
  /** Every problem Rust named last. */
  problems = $state.raw<FieldProblem[]>([]);

  /** Fields whose problems may be shown: those that were left once. */
  private readonly touched = new SvelteSet<string>();
  private all = $state(false);
  private original = $state.raw<EnvironmentForm>(null as never);
  private round = 0;

  /** `previous` is the name it is saved under; null for a new one. */
  constructor(
    form: EnvironmentForm,
    readonly previous: string | null,
  ) {
    this.form = structuredClone(form);
    this.original = structuredClone(form);
  }

  get dirty(): boolean {
    return !same($state.snapshot(this.form), this.original);
  }

  /** How many problems a person can see. */
  get count(): number {
    return this.problems.filter(({ field }) => this.all || this.touched.has(field)).length;
  }

  /** The problem of a field, once the field was left or saving was tried. */
  error(field: string): string | undefined {
    if (!this.all && !this.touched.has(field)) return undefined;
    return this.problems.find((problem) => problem.field === field)?.message;
  }

  /** Problems of fields that no row of the form shows, so that none can hide. */
  strays(shown: (field: string) => boolean): FieldProblem[] {
    return this.all ? this.problems.filter(({ field }) => !shown(field)) : [];
  }

  /** A field was changed: its old problem no longer speaks of what stands there. */
  changed(field: string): void {
    this.problems = this.problems.filter((problem) => problem.field !== field);
  }

  /** A field was left. */
  left(field: string, door: Host): void {
    this.touched.add(field);
    void this.check(door);
  }

  /** Asks Rust for every problem. A newer question wins. */
  async check(door: Host): Promise<void> {
    this.round += 1;
    const round = this.round;
    try {
      const problems = await door.checkEnvironment(this.sendable());
      if (round === this.round) this.problems = [...this.unreadable(), ...problems];
    } catch {
      // Saving asks again and says why it was refused.
    }
  }

  /** Amounts that are no numbers Rust could read. */
  unreadable(): FieldProblem[] {
    return GROUPS.flatMap(({ amounts }) =>
      amounts.flatMap((amount) => {
        const message = amountProblem(amount, this.parameter(amount.part, amount.name));
        return message === null ? [] : [{ field: `parameters.${amount.part}.${amount.name}`, message }];
      }),
    );
  }

  /** The form as it can be sent: an amount that cannot be read is left at what is saved, so that the rest is still answered. */
  sendable(): EnvironmentForm {
    const form = $state.snapshot(this.form) as EnvironmentForm;
    for (const { amounts } of GROUPS) {
      for (const { part, name } of amounts) {
        if (amountProblem({ part, name }, this.parameter(part, name)) === null) continue;
        const before = (this.original.parameters[part] as Record<string, number>)[name];
        if (before !== undefined) (form.parameters[part] as Record<string, number>)[name] = before;
      }
    }
    return form;
  }

  /** Saves, or throws why not. Nothing is sent while an amount cannot be read, so that no other value is saved in its place. */
  async save(door: Host): Promise<EnvironmentView> {
    const fields = this.unreadable();
    if (fields.length > 0) {
      const refused: Problem = {
        code: 'form.invalid',
        message: 'The environment was not saved.',
        why: 'Some fields hold values that cannot be used.',
        remedy: 'Change the marked fields and save again.',
        fields,
      };
      throw refused;
    }
    return door.saveEnvironment($state.snapshot(this.form) as EnvironmentForm, this.previous);
  }

  /** Saving was refused for these fields. */
  refused(problems: FieldProblem[]): void {
    this.round += 1;
    this.all = true;
    this.problems = problems;
  }

  /** Back to what is saved. */
  discard(): void {
    this.form = structuredClone(this.original);
    this.problems = [];
    this.touched.clear();
    this.all = false;
  }

  /** A number of the limits. */
  parameter(part: AmountPart, name: string): number {
    return (this.form.parameters[part] as Record<string, number>)[name] ?? 0;
  }

  setParameter(part: AmountPart, name: string, value: number): void {
    (this.form.parameters[part] as Record<string, number>)[name] = value;
    this.changed(`parameters.${part}.${name}`);
  }

  /** Sets or clears the id of a service. */
  setService(service: Service, id: string): void {
    const railway = this.form.railway;
    if (!railway) return;
    if (id === '') delete railway.services[service];
    else railway.services[service] = id;
    this.changed(`railway.services.${service}`);
  }
}

const kept = new Map<string, Draft>();
const key = (previous: string | null) => previous ?? '\u0000new';

/** The draft of an environment: what was typed before, if that differs from what is saved. */
export function draftOf(view: EnvironmentView | EnvironmentForm, previous: string | null): Draft {
  const form = 'form' in view ? view.form : view;
  const before = kept.get(key(previous));
  if (before?.dirty) return before;
  const draft = new Draft(form, previous);
  kept.set(key(previous), draft);
  return draft;
}

/** Forgets what was typed: it was saved or given up. */
export function forget(previous: string | null): void {
  kept.delete(key(previous));
}

/** Whether something typed for an environment waits to be saved. */
export function waits(previous: string | null): boolean {
  return kept.get(key(previous))?.dirty ?? false;
}
