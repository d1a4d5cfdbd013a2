import { FLUSH_MS_MIN, peerDirectoryDefaults } from '../../machines/directory-context.ts'
import { peerDirectoryMachine } from '../../machines/peer-directory.ts'
import {
  DirectoryOpened, DiscoveryStarted, PeerBlocked, PeerConnected, PeerDisconnected, PeerHeard, PeerRefused, PeerVerified, PolicyChanged
} from '../../proto/index.ts'
import { defineActor, type ActorSpec } from '../seam/index.ts'
import { outside } from '../shared/range.ts'
import type { PeerDirectoryDriverOptions } from './options.ts'
import { storeDriver } from './store-driver.ts'

export { DirectoryInUseError, DirectoryStoreError, DirectoryTakenError, DirectoryVersionError } from './errors.ts'
export { DIRECTORY_SCHEMA, DirectoryStore, hasDirectory } from './store.ts'
export type { PeerDirectoryDriverOptions } from './options.ts'

export const peerDirectoryDefinition = defineActor<PeerDirectoryDriverOptions>({
  kind: 'peer-directory',
  machine: peerDirectoryMachine,
  drivers: { store: storeDriver },
  options: { ...peerDirectoryDefaults, dir: '' },
  problem: ({ flushMs, offersPerRound, batchMax }) =>
    outside('flushMs', flushMs, FLUSH_MS_MIN) ?? outside('offersPerRound', offersPerRound, 1, undefined, true) ?? outside('batchMax', batchMax, 1, undefined, true),
  messages: [DirectoryOpened],
  listens: [PeerHeard, PeerConnected, PeerVerified, PeerRefused, PeerDisconnected, PeerBlocked, PolicyChanged],
  recalls: [DiscoveryStarted]
})

/** Remembers peers: `createPeer({ actors: [peerDirectory({ dir })] })`. Without a folder it forgets them with the process. */
export function peerDirectory(options: Partial<PeerDirectoryDriverOptions> = {}): ActorSpec<PeerDirectoryDriverOptions> {
  return { definition: peerDirectoryDefinition, options }
}
