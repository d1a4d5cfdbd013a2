import { Disconnect, Identify, Ping, Pong, TrustWithdrawn, VerificationHeld, Verified, VerifyAgain } from '../../proto/index.ts'

/** Numbers that messages of the link itself have in frames; see wire.proto. */
export const ACK = 0
export const IDENTIFY = 1
export const VERIFIED = 2
export const DISCONNECT = 3
export const PING = 4
export const PONG = 5
export const HELD = 6
export const WITHDRAWN = 7
export const VERIFY_AGAIN = 8
/** Number of the first type that the receiver named in `Identify.accepts`. */
export const FIRST_ACCEPTED = 16

/** Types by number; the link's own names are taken and no actor may speak them. */
export const builtIn = [undefined, Identify, Verified, Disconnect, Ping, Pong, VerificationHeld, TrustWithdrawn, VerifyAgain] as const

/** Numbers of the messages that a connection has its link driver put on the wire. */
export const builtInNumbers: ReadonlyMap<string, number> = new Map([
  ['Identify', IDENTIFY], ['Verified', VERIFIED], ['Disconnect', DISCONNECT],
  ['VerificationHeld', HELD], ['TrustWithdrawn', WITHDRAWN], ['VerifyAgain', VERIFY_AGAIN]
])
