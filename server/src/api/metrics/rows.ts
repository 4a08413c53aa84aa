import type { DoorReadings, GrpcReadings } from '../../metrics/readings.ts';
import type { MemberReadings } from '../../service/service.ts';
import type { Family, Sample } from './exposition.ts';

/** What most of a page is made from. */
export interface Readings extends MemberReadings {
  readonly doors: DoorReadings;
  readonly grpc: GrpcReadings;
}

/** One metric: what it is called, and where its values come from. */
export interface Row<From = Readings> extends Omit<Family, 'samples'> {
  read(readings: From): number | readonly Sample[];
}

export function flag(holds: boolean): number {
  return holds ? 1 : 0;
}
