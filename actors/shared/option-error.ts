/** Thrown by createPeer, and by what makes its actors, for an option that it does not know, or a value that it cannot take. */
export class PeerOptionError extends TypeError {
  override name = 'PeerOptionError'
}
