export { PeerOptionError } from '../../actors/shared/option-error.ts'

/** Thrown by createPeer when two actors have one address. */
export class DuplicateActorError extends Error {
  override name = 'DuplicateActorError'
}

/** Thrown when a peer is asked for something before start() or after stop(). */
export class PeerStateError extends Error {
  override name = 'PeerStateError'
  readonly code = 'not-running'
}

/** Rejects start() when the peer cannot accept links where it was told to. */
export class ListenError extends Error {
  override name = 'ListenError'
  /** The system's code, such as EADDRINUSE. */
  readonly code: string

  constructor(code: string, reason: string) {
    super(reason)
    this.code = code
  }
}

/** Thrown where a PeerId, prefix or name fits no connected peer. */
export class UnknownPeerError extends Error {
  override name = 'UnknownPeerError'
  readonly code = 'unknown-peer'
}

/** Thrown where a prefix or name fits more than one connected peer. */
export class AmbiguousPeerError extends Error {
  override name = 'AmbiguousPeerError'
  readonly code = 'ambiguous-peer'
}

/** Thrown for a routine that the peer does not have. */
export class UnknownRoutineError extends Error {
  override name = 'UnknownRoutineError'
  readonly code = 'unknown-routine'
}

/** Thrown for a policy that contradicts itself, or is none; it stays as it was. */
export class PolicyError extends Error {
  override name = 'PolicyError'
  /** What is wrong with it; a stable name of docs/policies.md. */
  readonly problem: string
  /** The same, as the command line shows it. */
  readonly code: string

  constructor(problem: string, message: string) {
    super(message)
    this.problem = this.code = problem
  }
}

/** Thrown for a message type that the peer was not told of. */
export class UnknownTypeError extends Error {
  override name = 'UnknownTypeError'
}
