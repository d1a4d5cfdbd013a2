/** Thrown when no link to the peer is open, or none on which we verified it. */
export class NotConnectedError extends Error {
  override name = 'NotConnectedError'

  constructor(peerId: string) {
    super(`there is no verified link to ${peerId}: wait for PeerVerified before sending`)
  }
}

/** Thrown when the other side does not take the type: it does not speak it, or the link's level is too low. */
export class NotAcceptedError extends Error {
  override name = 'NotAcceptedError'
}

/** Thrown when the other side takes messages more slowly than they are sent, and all room for them is used. */
export class LinkFullError extends Error {
  override name = 'LinkFullError'

  constructor(bytes: number) {
    super(`${bytes} bytes wait for the other side's acknowledgement: when send() returns false, await drained() first`)
  }
}

/** Thrown when a message does not fit in a frame that the other side takes at the link's level. */
export class MessageTooLargeError extends Error {
  override name = 'MessageTooLargeError'

  constructor(type: string, bytes: number, limit: number) {
    super(`${type} takes a frame of ${bytes} bytes, the other side takes ${limit} at this level: send it in parts`)
  }
}
