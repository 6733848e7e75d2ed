/**
 * What every screen shares: the frame's facts (`home`), the environment in hand, the running check, where the window is and
 * what it says. One object, attached to a host once; tests attach it to a fake.
 */
import { asProblem } from './history/problem';
import type { Host, Told } from './host/host';
import type { EnvironmentSummary } from './host/types/EnvironmentSummary';
import type { Home } from './host/types/Home';
import type { Problem } from './host/types/Problem';
import type { Settings } from './host/types/Settings';
import type { Theme } from './host/types/Theme';
import { LiveModel } from './check/live-model.svelte';
import { verdictWords } from './parts/verdict';

/** A short message. A failure stays until it is dismissed. */
export interface Toast {
  id: number;
  kind: 'pass' | 'fail' | 'warn' | 'sim' | 'info';
  text: string;
  why?: string | undefined;
  action?: { label: string; onclick: () => unknown } | undefined;
}

export class App {
  home = $state.raw<Home | null>(null);
  /** Why `home` could not be asked. */
  problem = $state.raw<Problem | null>(null);
  environment = $state<string | null>(null);
  /** Whether a person chose the environment, so that the first run is over. */
  chosen = $state(false);
  live = $state.raw<LiveModel | null>(null);
  /** Why the running check cannot be watched. */
  watchProblem = $state.raw<Problem | null>(null);
  hash = $state('#/check');
  toasts = $state.raw<Toast[]>([]);
  /** What is read out politely. */
  said = $state('');
  /** Whether a file hangs over the window. */
  over = $state(false);
  /** Whether a person asked to close the window during a check. */
  closing = $state(false);
  /** A view's own words for the title of the window. */
  subject = $state<string | null>(null);

  private door: Host | null = null;
  private watched: number | null = null;
  private stopWatch: (() => void) | null = null;
  private ended = new Set<number>();
  private next = 1;
  private timers = new Map<number, ReturnType<typeof setTimeout>>();
  private firstHome = true;

  /** The environment in hand. */
  get selected(): EnvironmentSummary | null {
    return this.home?.environments.find(({ name }) => name === this.environment) ?? null;
  }

  /** Nothing was set up, checked or chosen yet. */
  get first(): boolean {
    const home = this.home;
    return home !== null && home.checks === 0 && !this.chosen && !home.environments.some(({ saved }) => saved);
  }

  /** Begins; answers with what ends it. */
  attach(door: Host): () => void {
    this.door = door;
    this.hash = location.hash || '#/check';
    const onhash = () => {
      this.hash = location.hash || '#/check';
    };
    addEventListener('hashchange', onhash);
    let stop: (() => void) | null = null;
    let over = false;
    door
      .listen((told) => this.told(told))
      .then(
        (end) => {
          if (over) end();
          else stop = end;
        },
        () => undefined,
      );
    void this.refresh();
    return () => {
      over = true;
      removeEventListener('hashchange', onhash);
      stop?.();
      this.stopWatch?.();
      this.reset();
    };
  }

  /** As before it was attached. */
  private reset(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    this.live?.end();
    this.home = this.problem = this.environment = this.live = this.subject = null;
    this.watchProblem = null;
    this.toasts = [];
    this.said = '';
    this.chosen = this.over = this.closing = false;
    this.door = this.stopWatch = null;
    this.watched = null;
    this.ended.clear();
    this.firstHome = true;
  }

  async refresh(): Promise<void> {
    const door = this.door;
    if (!door) return;
    try {
      const home = await door.home();
      if (this.door !== door) return;
      this.home = home;
      this.problem = null;
      const names = home.environments.map(({ name }) => name);
      if (this.environment === null || !names.includes(this.environment)) {
        const wanted = home.settings.environment;
        this.environment = wanted !== null && names.includes(wanted) ? wanted : (names[0] ?? null);
      }
      if (this.firstHome) {
        this.firstHome = false;
        // From here a person can work; the benchmark of the start reads it.
        performance.mark('ready');
        if (home.refused) this.fail(home.refused);
        if (home.opened !== null) this.go(`#/verdict/${home.opened}`);
        if (home.opened_capacity !== null) this.go(`#/capacity/${home.opened_capacity}`);
      }
      if (home.running) void this.watch(home.running.number);
    } catch (thrown) {
      if (this.door === door) this.problem = asProblem(thrown);
    }
  }

  /** Watches the running check. */
  private async watch(number: number): Promise<void> {
    const door = this.door;
    if (!door || this.watched === number || this.ended.has(number)) return;
    this.watched = number;
    this.stopWatch?.();
    this.live?.end();
    this.live = null;
    this.watchProblem = null;
    const model = new LiveModel((text) => this.say(text));
    try {
      const stop = await door.watchCheck((live) => {
        if (this.watched !== number) return;
        model.take(live);
        if (this.live !== model && model.state) this.live = model;
        if (live.state.phase === 'ended' && live.state.saved) void this.ended_(live.state.number);
      });
      if (this.watched === number) this.stopWatch = stop;
      else stop();
    } catch (thrown) {
      if (this.watched !== number) return;
      this.watched = null;
      this.watchProblem = asProblem(thrown);
    }
  }

  /** Tries again to watch. */
  rewatch(): void {
    this.watched = null;
    void this.refresh();
  }

  /** A check ended and is saved. It is told once, whoever tells it first. */
  private async ended_(number: number): Promise<void> {
    if (this.ended.has(number)) return;
    this.ended.add(number);
    const mine = this.watched === number;
    const here = this.hash.startsWith('#/check');
    await this.refresh();
    if (mine) {
      this.stopWatch?.();
      this.stopWatch = null;
      this.watched = null;
      this.live?.end();
    }
    this.closing = false;
    const last = this.home?.last;
    if (last?.number === number) {
      const words = verdictWords({
        word: last.word,
        chaos: last.chaos,
        rehearsal: last.kind === 'rehearsal',
        noVerdict: last.no_verdict,
        scope: last.scope,
        waivers: last.waivers,
        looser: last.looser,
      });
      this.say(`Check ${number} ended: ${words.line}.`);
      if (!here) {
        this.toast({
          kind:
            words.look === 'go'
              ? 'pass'
              : words.look === 'sim' || words.look === 'waived'
                ? 'sim'
                : words.look === 'none'
                  ? 'info'
                  : 'fail',
          text: `Check ${number}: ${last.headline}`,
          why: last.chaos === 'simulated' ? 'Nothing was restarted.' : undefined,
          action: { label: 'Open', onclick: () => this.go(`#/verdict/${number}`) },
        });
      }
    }
    if (here) this.go(`#/verdict/${number}`);
    if (mine) this.live = null;
  }

  private told(told: Told): void {
    switch (told.what) {
      case 'check-ended':
        void this.ended_(told.number);
        break;
      case 'file-opened':
        this.over = false;
        this.toast({ kind: 'pass', text: `The file is check ${told.number} in History now.` });
        void this.refresh();
        this.go(`#/report/${told.number}/tests`);
        break;
      case 'capacity-opened':
        this.over = false;
        this.go(`#/capacity/${told.number}`);
        break;
      case 'capacity-ended': {
        void this.refresh();
        if (!this.hash.startsWith('#/capacity'))
          this.toast({
            kind: 'info',
            text: `Capacity run ${told.number} has ended.`,
            action: { label: 'Open', onclick: () => this.go(`#/capacity/${told.number}`) },
          });
        break;
      }
      case 'file-refused':
        this.over = false;
        this.fail(told.problem);
        break;
      case 'file-over':
        this.over = told.over;
        break;
      case 'close-asked':
        this.closing = true;
        break;
    }
  }

  /** Takes another environment in hand and keeps that for the next start. */
  select(name: string): void {
    this.chosen = true;
    this.environment = name;
    if (this.home && this.home.settings.environment !== name) void this.save({ environment: name });
  }

  /** Changes settings. Answers whether they were kept. */
  async save(change: Partial<Settings>): Promise<boolean> {
    const door = this.door;
    const home = this.home;
    if (!door || !home) return false;
    const before = home.settings;
    this.home = { ...home, settings: { ...before, ...change } };
    try {
      await door.saveSettings({ ...before, ...change });
      return true;
    } catch (thrown) {
      if (this.home) this.home = { ...this.home, settings: before };
      this.fail(asProblem(thrown));
      return false;
    }
  }

  /** Light, dark, or as the system says. */
  async theme(theme: Theme): Promise<void> {
    await this.save({ theme });
  }

  go(hash: string): void {
    if (location.hash === hash) return;
    location.hash = hash;
    this.hash = hash;
  }

  toast(toast: Omit<Toast, 'id'>): void {
    const id = this.next;
    this.next += 1;
    this.toasts = [...this.toasts.slice(-3), { ...toast, id }];
    if (toast.kind === 'pass' || toast.kind === 'info')
      this.timers.set(
        id,
        setTimeout(() => this.dismiss(id), 6000),
      );
  }

  /** Keeps a toast while it is read. */
  hold(id: number): void {
    clearTimeout(this.timers.get(id));
  }

  dismiss(id: number): void {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  /** Shows a refusal that belongs to no form. */
  fail(problem: Problem): void {
    this.toast({ kind: 'fail', text: problem.message, why: [problem.why, problem.remedy].filter(Boolean).join(' ') });
  }

  say(text: string): void {
    this.said = text;
  }
}

export const app = new App();
