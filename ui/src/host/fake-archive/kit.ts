/**
 * Small tools of the fake archive: a fixed dice, so that every look at a scene is the same, and the words every part uses.
 * Everything here is made up; no recorded file was copied.
 */
import type { Parameters } from '../types/Parameters';
import type { Problem } from '../types/Problem';
import type { Service } from '../types/Service';
import type { TestId } from '../types/TestId';

export const TESTS: TestId[] = ['L1', 'L2', 'L3', 'C1', 'C2', 'C3', 'REP', 'BUCKET'];
export const SERVICES: Service[] = ['api', 'worker', 'web', 'minio', 'postgres', 'redis'];
export const BUCKET = 'agentverse-staging-artifacts';
export const API_URL = 'https://agentverse-api-staging-production.up.railway.app';

/** Shown wherever a string can come from outside, to prove that it stays text. */
export const HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

/** A dice with a seed (mulberry32). */
export function dice(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** An id of so many hexadecimal digits. */
export function hex(next: () => number, digits: number): string {
  let out = '';
  while (out.length < digits) out += Math.floor(next() * 16).toString(16);
  return out;
}

/** An id as Railway and the API write them. */
export function uuid(next: () => number): string {
  const part = (digits: number) => hex(next, digits);
  return `${part(8)}-${part(4)}-4${part(3)}-9${part(3)}-${part(12)}`;
}

/** A moment after another. */
export function later(iso: string, ms: number): string {
  return new Date(Date.parse(iso) + ms).toISOString().replace('.000Z', 'Z');
}

/** A refusal in three parts. */
export function problem(code: string, message: string, why = '', remedy = ''): Problem {
  return { code, message, why, remedy, fields: [] };
}

/** The runbook's limits and amounts. */
export function runbook(): Parameters {
  return {
    general: {
      request_timeout_s: 30,
      preflight_run_deadline_s: 180,
      clock_difference_limit_s: 60,
      fault_spacing_s: 15,
      fault_limit: 3,
    },
    l1: { concurrency: 20, rounds: 3, failure_limit: 0, p95_limit_ms: 5000 },
    l2: {
      calibrations: 10,
      auto_tunes: 10,
      pressure_runs: 8,
      failure_limit: 0,
      backlog_limit: 100,
      drain_deadline_s: 300,
    },
    l3: { streams: 10, exports: 10, ticks: 30, storage_probes: 3, bucket_failure_limit: 0, silence_s: 30 },
    c1: { runs: 8, restart_deadline_s: 180, run_deadline_s: 300 },
    c2: { streams: 5, ticks: 60, probe_ms: 100, restart_deadline_s: 240, silence_s: 45 },
    c3: {
      writes_per_second: 2,
      probe_ms: 100,
      before_s: 2,
      after_s: 3,
      runs: 4,
      restart_deadline_s: 180,
      run_deadline_s: 300,
    },
    regression: { gate: 'off', tolerance_pct: 10, baseline: 'last-go' },
  };
}

/** Whether a scene, such as `many+refused`, holds a word. */
export function scenes(scene: string): (word: string) => boolean {
  const words = new Set(scene.split(/[+, ]/));
  return (word) => words.has(word);
}
