export { Kernel } from './kernel.ts'
export type {
  ActorInspection, Codec, InputAddress, Inspection, KernelOptions, Report, Shell, Tap
} from './contract.ts'
export { defaultLimits, limitsOf, type Limits } from './limits.ts'
export { HeapClock, OwnedClock, type PendingTimer, type Timer } from './clock.ts'
export { Bus } from './bus.ts'
export { BusEnvelope, encodeEnvelope, writeEnvelope, type EnvelopeHead } from './envelope.ts'
export {
  ClockBackwardsError, ClockBusyError, DriverFailedError, errorText, EscalatedError, KernelNotStartedError,
  KernelStoppedError, NameTakenError, RunawayError, TimerLimitError, TimerStormError
} from './errors.ts'
