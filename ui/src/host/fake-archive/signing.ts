/** Decisions, sums and the signing key of the fake host. */
import { problem } from './kit';
import type { CheckSummary } from '../types/CheckSummary';
import type { Decision } from '../types/Decision';
import type { ExportFormat } from '../types/ExportFormat';
import type { Report } from '../types/Report';
import type { SigningKey } from '../types/SigningKey';
import type { SignOff } from '../types/SignOff';

export const ENDING: Record<ExportFormat, string> = {
  markdown: '.md',
  markdown_short: '-short.md',
  html: '.html',
  json: '.json',
  junit: '-junit.xml',
  csv: '-intervals.csv',
  hdr_log: '.hlog',
  bundle: '.holdpoint',
};

const PEM = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=
-----END PUBLIC KEY-----
`;

export class FakeSigning {
  private readonly signed = new Map<number, SignOff[]>();
  private there: boolean;

  constructor(private readonly has: (word: string) => boolean) {
    this.there = has('signed');
  }

  /** What a report says of decisions and of its files. */
  add(report: Report): void {
    if (report.foreign || report.summary.origin === 'foreign') return;
    report.journal_sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
    report.integrity = {
      digest: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
      differences: this.has('changed') ? ['journal.ndjson was changed'] : [],
      signature: this.there ? `signed as it is: ${report.summary.headline}` : null,
      signed: this.there,
    };
    if (this.has('signed') && !this.signed.has(report.summary.number))
      this.sign(report.summary, 'promote', 'Mira Okafor', 'release manager', 'Evidence reviewed with the API team.');
    report.sign_offs = this.signed.get(report.summary.number) ?? [];
  }

  sign(summary: CheckSummary, decision: Decision, name: string, role: string, note: string): void {
    if (this.has('refused'))
      throw problem(
        'check.changed',
        'journal.ndjson of this check was changed after the check.',
        '',
        'Nothing is added to it. Take the check from a copy that was not changed, or run it again.',
      );
    const list = this.signed.get(summary.number) ?? [];
    const at = '2026-01-12T13:09:00Z';
    list.push({ name, role, decision, note, at, word: summary.word, headline: summary.headline });
    this.signed.set(summary.number, list);
  }

  shown(): SigningKey {
    return this.there ? { id: 'c4f1a07d5e2b', public: PEM, problem: null } : { id: null, public: null, problem: null };
  }

  create(): SigningKey {
    this.there = true;
    return this.shown();
  }

  remove(): SigningKey {
    this.there = false;
    return this.shown();
  }
}
