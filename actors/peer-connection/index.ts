import { peerConnectionMachine } from '../../machines/peer-connection.ts'
import { peerConnectionDefaults, type PeerConnectionOptions } from '../../machines/peer-connection-context.ts'
import { defineActor } from '../seam/index.ts'
import { linkDriver } from './link-driver.ts'
import { linkDefaults, type LinkOptions } from './link-options.ts'

export type { PeerConnectionOptions } from '../../machines/peer-connection-context.ts'
export { type ArrivedMessage } from './arrived-message.ts'
export { LinkError, LinkFullError, MessageTooLargeError, NotAcceptedError, NotConnectedError } from './link-errors.ts'
export type { LinkOptions } from './link-options.ts'
export { Links, LinkTable, type EncodedMessage, type MessageHandler, type OpenLink } from './links.ts'
export { WireTypeConflictError, WireTypes, type WireEntry } from './wire-types.ts'

/** One link to another peer, with its retries. Started by the link keeper. */
export const peerConnectionDefinition = defineActor<PeerConnectionOptions & LinkOptions>({
  kind: 'peer-connection',
  machine: peerConnectionMachine,
  drivers: { link: linkDriver },
  options: { ...peerConnectionDefaults, ...linkDefaults }
})
