import { DecidePeer, ProtectPeer, RevokeTrust, VerifyPeer, type Envelope, type Message } from '../../proto/index.ts'
import { LINK_KEEPER } from '../../actors/link-keeper/index.ts'

/** What a host program says about other peers, whether they are there or not. */
export abstract class PeerWords {
  abstract publish(body: Message, address?: { to?: string }): Envelope

  /**
   * Keeps the links to a peer from being trimmed; it is not dialled for that, and need not be connected.
   * @param peerId the whole PeerId
   * @param tag what for; as long as there is one (64 at most) it is protected
   * @param release takes the tag away
   */
  protect(peerId: string, tag: string, release = false): void {
    this.publish(new ProtectPeer({ peerId, tag, release }), { to: LINK_KEEPER })
  }

  /**
   * Decides that a peer may pass the step `ask`; remembered, in the data folder where there is one.
   * @param peerId the whole PeerId; the peer need not be there
   */
  approve(peerId: string): void {
    this.publish(new DecidePeer({ peerId, approved: true }))
  }

  /**
   * Decides that a peer may not pass the step `ask`; remembered like {@link approve}.
   * @param reason shown to the other side
   */
  refuse(peerId: string, reason = ''): void {
    this.publish(new DecidePeer({ peerId, approved: false, reason }))
  }

  /**
   * Withdraws trust in a peer: its links stay, and fall at once to the level at which peers verify each other. Forgets that it was
   * approved. Either side may ask for the steps to be run anew; `block` keeps a peer away.
   * @param reason shown to the other side
   */
  revoke(peerId: string, reason = ''): void {
    this.publish(new RevokeTrust({ peerId, reason }))
  }

  /** Runs the verification steps anew on links to a peer that have lost trust. */
  verify(peerId: string): void {
    this.publish(new VerifyPeer({ peerId }))
  }
}
