export { createPeer } from './peer/create-peer.ts'
export { Peer } from './peer/peer.ts'
export type { BusFace, Received } from './peer/peer-parts.ts'
export type { LogLevel, PeerOptions, RecordOptions } from './peer/options.ts'
export { formatEndpoint, type LevelName, type LinkInfo, type Live, type PeerInfo } from './peer/roster.ts'
export {
  AmbiguousPeerError, DuplicateActorError, ListenError, PeerOptionError, PeerStateError, PolicyError, UnknownPeerError, UnknownRoutineError, UnknownTypeError
} from './peer/errors.ts'
export { DriverStuckError, type Missed } from './peer/driver-host.ts'
export type { PeerStatus } from './peer/status.ts'
export type { Cause, Diagnosis, HistoryEntry } from './doctor/diagnosis.ts'
export type { Inbound, InboundPeer } from './peer/inbound.ts'
export type { RoutineInfo, Routines } from './peer/routines.ts'
export type { IdentifierPolicy, InboundPlacement, Policy } from '../machines/policy.ts'
export type { LinkFacts, LinkScore } from '../machines/link-trim.ts'
export { rehearse } from './peer/rehearse.ts'

export {
  defineActor, serviceKey, Services,
  type ActorDefinition, type ActorSpec, type Driver, type DriverContext, type DriverFactory, type ServiceKey, type Strategy, type WireType
} from '../actors/seam/index.ts'
export {
  NetworkKey, NetworkKeyError,
  generateIdentity, IdentityDamagedError, IdentityFileError, IdentityPermissionError, isPeerId, loadIdentity, loadOrCreateIdentity, type Identity
} from '../actors/identity/index.ts'
export {
  allowlistStep, asyncStep, authorityStep, secretStep, signCertificate, StepRefusal, verifyAskDefinition as askStep, verifyPingsDefinition as pingsStep,
  CertificateError, type AuthorityStepOptions, type CertificateOptions, type StepCall, type StepFunction
} from '../actors/index.ts'
export {
  LinkError, LinkFullError, MessageTooLargeError, NotAcceptedError, NotConnectedError, WireTypeConflictError
} from '../actors/peer-connection/index.ts'
export { type Limits } from './kernel/index.ts'

// What a host program sends and hears; every message type is in `p2pnet/proto`.
export {
  Level, TextMessage, Registry, MessageNameTakenError, typeName,
  PeerFound, PeerIgnored, PeerConnected, PeerVerified, PeerRefused, PeerDisconnected, PeerPending, PeerRtt, InboundQueued, TrustRevoked, Listening,
  RoutineDue, ActorStarted, ActorStopped, ActorFailed, DeadLetter, DriverCounts,
  type Endpoint, type Envelope, type EventOf, type Message, type MessageClass
} from '../proto/index.ts'
