export { Kernel } from './kernel.ts'
export type {
  ActorInspection, Codec, InputAddress, Inspection, KernelOptions, MachineStep, Report, Shell, Tap, Witness
} from './contract.ts'
export { currentFlags, HOST_FLAGS_FROM, LIBRARY_FLAGS } from './flags.ts'
export { defaultLimits, limitsOf, type Limits } from './limits.ts'
export { HeapClock, OwnedClock, type PendingTimer, type Timer } from './clock.ts'
export { Bus, type BusHooks, type Receiver } from './bus.ts'
export { System } from './system.ts'
export { OptionsError } from './actor-kind.ts'
export { Names, streamStart } from './random.ts'
export { BusEnvelope, encodeEnvelope, writeEnvelope, type EnvelopeHead } from './envelope.ts'
export {
  CheckpointError, ClockBackwardsError, ClockBusyError, DriverFailedError, errorText, EscalatedError, KernelNotStartedError,
  KernelStartedError, KernelStoppedError, NameTakenError, RestoreError, RunawayError, TimerLimitError, TimerStormError
} from './errors.ts'
