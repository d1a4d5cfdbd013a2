/** Thrown for bytes that no sender of the protocol writes; the link ends with code `malformed`. */
export class FrameMalformedError extends Error {
  override name = 'FrameMalformedError'
}

/** Thrown for a frame that announces more bytes than the link's level allows, before any of them is kept. */
export class FrameTooLargeError extends FrameMalformedError {
  override name = 'FrameTooLargeError'
}
