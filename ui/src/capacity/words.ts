/** What became of thresholds, in mark and word. None of it is GO or NO-GO. */
import type { CapacityVerdict } from '../host/types/CapacityVerdict';
import type { Shown } from '../parts/status';

export const VERDICT: Record<CapacityVerdict, [Shown, string]> = {
  met: ['passed', 'Met'],
  too_few: ['unproven', 'Too few to tell'],
  not_proven: ['unproven', 'Not proven'],
  not_met: ['failed', 'Not met'],
  none: ['not_planned', 'Not judged'],
};
