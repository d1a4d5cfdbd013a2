/** Why a message cannot be sent to a peer; each kind is a class of its own. */
export abstract class LinkError extends Error {
  /** Stable; dead letters and the event `error` of the command line name it. */
  abstract readonly code: 'not-connected' | 'not-accepted' | 'link-full' | 'too-large'
}

/** Thrown when no link to the peer is open, or none on which we verified it. */
export class NotConnectedError extends LinkError {
  override name = 'NotConnectedError'
  readonly code = 'not-connected'

  constructor(peerId: string) {
    super(`there is no verified link to ${peerId}: wait for PeerVerified before sending`)
  }
}

/** Thrown when the other side does not take the type: it does not speak it, or the link's level is too low. */
export class NotAcceptedError extends LinkError {
  override name = 'NotAcceptedError'
  readonly code = 'not-accepted'
}

/** Thrown when the other side takes messages more slowly than they are sent, and all room for them is used. */
export class LinkFullError extends LinkError {
  override name = 'LinkFullError'
  readonly code = 'link-full'

  constructor(bytes: number) {
    super(`${bytes} bytes wait for the other side's acknowledgement: when send() returns false, await drained() first`)
  }
}

/** Thrown when a message does not fit in a frame that the other side takes at the link's level. */
export class MessageTooLargeError extends LinkError {
  override name = 'MessageTooLargeError'
  readonly code = 'too-large'

  constructor(type: string, bytes: number, limit: number) {
    super(`${type} takes a frame of ${bytes} bytes, the other side takes ${limit} at this level: send it in parts`)
  }
}
