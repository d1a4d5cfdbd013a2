export {
  formatDivergence, KindVersionError, LogCorruptError, LogFileError, logHeader, LogReader, LogTruncatedError, LogVersionError, LogWriter,
  NotALogError, readLog, UnknownFlagError, UnknownKindError,
  type Divergence, type DivergenceKind, type FieldDifference, type Keep, type LogEnding, type LogEntry, type LoggedEnvelope, type LogHeaderOptions,
  type LogPlace, type LogSource, type LogWarning, type LogWriterOptions, type ReplayResult
} from '../log/index.ts'
export { Replay, replay, walk, type ReplayOptions } from './replay.ts'
export { coverageTable, transitionCoverage, TransitionCoverage, type CoverageFigures } from './coverage.ts'
export { MachineRun, MessageNotTakenError, type MachineRunOptions, type Said } from './machine-run.ts'
export { logMatchers, type LogMatchers, type LogPattern } from './matchers.ts'
export { EndlessPathsError, MachinePath, PathError, pathsOf, type MachinePaths, type PathOptions, type PathStep } from './paths.ts'
export { actorsAt, assertPath, compareMachines, cutLog, statesOf, traceLog, type OneActor } from './tools.ts'
export {
  diffLogs, formatDifferences, LogDivergedError, NoSuchMessageError, LogPathError,
  type ActorMoment, type FirstDifference, type LogCut, type LogDifference, type LogInput, type MachineDifferences, type OutputDifference,
  type LogPathStep, type TraceStep, type Walk, type WalkStep
} from '../log/index.ts'
export { CheckpointError, HeapClock, Kernel, RestoreError, type KernelOptions, type Shell, type Tap } from '../kernel/index.ts'
export {
  builtInInvariants, FaultOptionError, faultsOf, NoFailureError, NoSimulatedDriverError, noFaults, scheduleOf, sceneOf, shrink, simulate, Simulation, SimulationOptionError, usualFaults,
  type Failure, type FaultOptions, type Faults, type Invariant, type InvariantMaker, type Left, type OwnFault, type PairLevel, type Scene, type ScheduledEvent, type ShrinkOptions, type ShrinkProgress, type Shrunk, type SimulatedPeer, type SimulateOptions,
  type SimulateResult, type SimulateStats, type SimulationProgress, type SimulationView, type Spread, type Story, type StoryLine, type Topology, type Trouble, type Violation
} from '../simulation/index.ts'
export {
  SimulatedHost, SimulatedSystemError, simulatedDrivers,
  type DialEvents, type SimulatedDatagram, type SimulatedDatagramSocket, type SimulatedDisk, type SimulatedDrivers, type SimulatedFact,
  type SimulatedInterface, type SimulatedNetwork, type SimulatedPlace, type SimulatedRandom, type SimulatedStream, type StreamEnd, type StreamListener
} from '../../actors/simulated/index.ts'
