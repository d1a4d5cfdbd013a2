/** A peer that this run has heard of. */
export interface KnownPeer {
  readonly peerId: string
  readonly name: string
  readonly connected: boolean
  /** It was only seen to be there, of another network for example: names mean others first. */
  readonly ignored: boolean
}

/** Why a PEER in a command means nobody, or too many. */
export class PeerNotMeantError extends Error {
  override name = 'PeerNotMeantError'
  readonly code: 'unknown-peer' | 'ambiguous-peer'

  constructor(code: 'unknown-peer' | 'ambiguous-peer', message: string) {
    super(message)
    this.code = code
  }
}

/** Most peers remembered; the longest unheard are forgotten first. */
const PEERS_MAX = 2_000

/** Who was found or connected, so that commands may name them by a name or a part of a PeerId. */
export class Directory {
  readonly #peers = new Map<string, KnownPeer>()

  note(peerId: string, change: { name?: string; connected?: boolean; ignored?: boolean }): void {
    const before = this.#peers.get(peerId)
    this.#peers.delete(peerId)
    this.#peers.set(peerId, {
      peerId,
      name: change.name || before?.name || '',
      connected: change.connected ?? before?.connected ?? false,
      ignored: (change.ignored ?? false) && (before?.ignored ?? true)
    })
    if (this.#peers.size > PEERS_MAX) this.#peers.delete(this.#oldest())
  }

  nameOf(peerId: string): string {
    return this.#peers.get(peerId)?.name || peerId.slice(0, 8)
  }

  connected(): KnownPeer[] {
    return [...this.#peers.values()].filter(({ connected }) => connected)
  }

  /**
   * The peer that is meant by a PeerId, a name, or an unambiguous prefix of a PeerId; where a name fits
   * several, the connected one.
   * @throws PeerNotMeantError
   */
  find(wanted: string): KnownPeer {
    const exact = this.#peers.get(wanted)
    if (exact !== undefined) return exact
    const all = [...this.#peers.values()]
    const named = all.filter(({ name }) => name === wanted)
    const fits = named.length > 0 ? named : wanted === '' ? [] : all.filter(({ peerId }) => peerId.startsWith(wanted))
    const meant = [fits.filter(peer => peer.connected), fits.filter(peer => !peer.ignored)].find(some => some.length > 0) ?? fits
    if (meant.length === 1) return meant[0]!
    if (meant.length === 0) throw new PeerNotMeantError('unknown-peer', `no peer is called '${wanted}', by name or as the start of a PeerId: see 'peers'`)
    throw new PeerNotMeantError('ambiguous-peer', `'${wanted}' fits ${meant.length} peers, ${meant.slice(0, 3).map(({ peerId }) => peerId.slice(0, 12)).join(', ')}…: give more of the PeerId`)
  }

  #oldest(): string {
    for (const [peerId, { connected }] of this.#peers) if (!connected) return peerId
    return this.#peers.keys().next().value!
  }
}
