import { fileReceive, fileSend, fileShare } from './file-transfer/index.ts'
import { broadcaster, discoveryChannel } from './lan/index.ts'
import { linkKeeperDefinition } from './link-keeper/index.ts'
import { inboundQueueDefinition } from './inbound-queue/index.ts'
import { listenerDefinition } from './listener/index.ts'
import { peerConnectionDefinition } from './peer-connection/index.ts'
import { peerDirectoryDefinition } from './peer-directory/index.ts'
import { peerExchangeDefinition } from './peer-exchange/index.ts'
import { policyKeeperDefinition } from './policy-keeper/index.ts'
import { routinesDefinition } from './routines/index.ts'
import type { ActorDefinition } from './seam/index.ts'
import { staticPeersDefinition } from './static-peers/index.ts'
import { approvalsDefinition } from './approvals/index.ts'
import { verifyAllowlistDefinition } from './verify-allowlist/index.ts'
import { verifyAskDefinition } from './verify-ask/index.ts'
import { verifyAuthorityDefinition } from './verify-authority/index.ts'
import { verifyPingsDefinition } from './verify-pings/index.ts'
import { verifyQueueDefinition } from './verify-queue/index.ts'
import { verifySecretDefinition } from './verify-secret/index.ts'

export {
  defineActor, serviceKey, Services,
  type ActorDefinition, type ActorSpec, type Driver, type DriverContext, type DriverFactory, type ServiceKey, type Strategy, type WireType
} from './seam/index.ts'
export {
  dataFolder, generateIdentity, Identity, identityFromPem, isPeerId, loadIdentity, loadOrCreateIdentity, LocalPeer, localPeer, NetworkKey, networkTag,
  NotAnIdentityError, IdentityDamagedError, IdentityFileError, IdentityPermissionError, NetworkKeyError
} from './identity/index.ts'
export { fileTransfer, type FileTransferOptions } from './file-transfer/index.ts'
export { lan, type LanOptions } from './lan/index.ts'
export { PeerOptionError } from './shared/option-error.ts'
export { linkKeeper, type LinkKeeperOptions } from './link-keeper/index.ts'
export { listener, type ListenerOptions } from './listener/index.ts'
export {
  LinkError, LinkFullError, Links, MessageTooLargeError, NotAcceptedError, NotConnectedError, WireTypeConflictError, WireTypes,
  type LinkOptions, type PeerConnectionOptions, type WireEntry
} from './peer-connection/index.ts'
export {
  DirectoryInUseError, DirectoryStoreError, DirectoryTakenError, DirectoryVersionError, peerDirectory, type PeerDirectoryDriverOptions
} from './peer-directory/index.ts'
export { peerExchange, type PeerExchangeDriverOptions } from './peer-exchange/index.ts'
export { libraryRoutines, routines, type RoutineOptions, type RoutinesOptions } from './routines/index.ts'
export { staticPeers, type StaticPeer } from './static-peers/index.ts'
export { approvals, approvalsDefinition } from './approvals/index.ts'
export { asyncStep, StepRefusal, type AsyncStepOptions, type AsyncStepSettings, type StepCall, type StepFunction } from './async-step/index.ts'
export { allowlistStep, verifyAllowlistDefinition, type VerifyAllowlistOptions } from './verify-allowlist/index.ts'
export { verifyAskDefinition } from './verify-ask/index.ts'
export {
  authorityStep, CertificateError, readCertificate, signCertificate, verifyAuthorityDefinition,
  type AuthorityStepOptions, type Certificate, type CertificateOptions, type VerifyAuthorityOptions
} from './verify-authority/index.ts'
export { secretStep, verifySecretDefinition } from './verify-secret/index.ts'
export { verifyPingsDefinition, type VerifyPingsOptions } from './verify-pings/index.ts'

/**
 * Every actor of this library, in the order in which they start, each before those that it spawns: what a
 * replay needs to know of a peer's log, beside a host program's own.
 */
export const definitions: readonly ActorDefinition[] = [
  policyKeeperDefinition, approvalsDefinition, linkKeeperDefinition, peerConnectionDefinition, verifyPingsDefinition, verifySecretDefinition, verifyAllowlistDefinition,
  verifyAuthorityDefinition, verifyAskDefinition, verifyQueueDefinition, inboundQueueDefinition, listenerDefinition, discoveryChannel, broadcaster,
  staticPeersDefinition, peerDirectoryDefinition, peerExchangeDefinition, routinesDefinition, fileShare, fileSend, fileReceive('')
]
