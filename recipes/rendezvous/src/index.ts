/** Places where processes meet: barriers, countdowns and groups, over a client or a session. */
export {
  Barrier,
  type BarrierState,
  type CloseBarrierOptions,
} from './barrier.ts';
export { Countdown } from './countdown.ts';
export { DoubleBarrier, type DoubleBarrierOptions } from './double-barrier.ts';
export { ParticipantLostError, ReplacedError, ResetError } from './errors.ts';
export { Group, type GroupChange, type JoinOptions, Member } from './group.ts';
export { Membership } from './membership.ts';
export { Visit } from './visit.ts';
export type { WaitOptions } from './wait.ts';
