/** The running load as the page holds it: messages merged, memory bounded, charts told of changes about once a second. */
import type { CapacityLive } from '../host/types/CapacityLive';
import type { CapacityPoint } from '../host/types/CapacityPoint';
import type { CapacityState } from '../host/types/CapacityState';

/** Three hours of seconds; the file on the disk keeps all. */
export const KEEP = 10_800;

export class CapacityModel {
  state = $state.raw<CapacityState | null>(null);
  /** Grows with every second that is over. */
  chart = $state(0);
  readonly points: CapacityPoint[] = [];

  take(live: CapacityLive): void {
    if (live.whole) this.points.length = 0;
    for (const point of live.points) this.points.push(point);
    if (this.points.length > KEEP) this.points.splice(0, this.points.length - KEEP + KEEP / 10);
    this.state = live.state;
    if (live.whole || live.points.length > 0) this.chart += 1;
  }
}
