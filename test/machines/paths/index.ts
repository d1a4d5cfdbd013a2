import { peerDirectoryPaths, peerExchangePaths } from './directory.ts'
import { fileReceivePaths, fileSendPaths, fileSharePaths } from './files.ts'
import { linkKeeperPaths } from './keeper.ts'
import { broadcasterPaths, discoveryChannelPaths } from './lan.ts'
import { inboundQueuePaths, policyKeeperPaths, verifyQueuePaths } from './policy.ts'
import { listenerPaths, peerConnectionPaths, routinesPaths, staticPeersPaths, verifyPingsPaths } from './links.ts'
import { approvalsPaths, asyncStepPaths, verifyAllowlistPaths, verifyAskPaths, verifyAuthorityPaths, verifySecretPaths } from './steps.ts'
import type { Walks } from './walks.ts'

/** The walks of every actor's machine, by the actor's kind. */
export const walksOf: Readonly<Record<string, Walks>> = {
  'approvals': approvalsPaths,
  'broadcaster': broadcasterPaths,
  'discovery-channel': discoveryChannelPaths,
  'file-receive': fileReceivePaths,
  'file-send': fileSendPaths,
  'file-share': fileSharePaths,
  'inbound-queue': inboundQueuePaths,
  'link-keeper': linkKeeperPaths,
  'listener': listenerPaths,
  'peer-connection': peerConnectionPaths,
  'peer-directory': peerDirectoryPaths,
  'peer-exchange': peerExchangePaths,
  'policy-keeper': policyKeeperPaths,
  'routines': routinesPaths,
  'static-peers': staticPeersPaths,
  'verify-allowlist': verifyAllowlistPaths,
  'verify-ask': verifyAskPaths,
  'verify-authority': verifyAuthorityPaths,
  'verify-host-step': asyncStepPaths,
  'verify-pings': verifyPingsPaths,
  'verify-queue': verifyQueuePaths,
  'verify-secret': verifySecretPaths
}
