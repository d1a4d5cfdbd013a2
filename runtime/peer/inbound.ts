import { INBOUND_QUEUE } from '../../actors/inbound-queue/index.ts'
import { InboundLeft, InboundQueued, InboundReopened, TakeInbound, type Message } from '../../proto/index.ts'
import type { PeerParts } from './peer-parts.ts'

/** A peer that dialled us and waits to be taken. */
export interface InboundPeer {
  readonly peerId: string
  /** Of its link, which `peer.links` lists with name and address. */
  readonly linkId: string
}

/**
 * Peers that dialled us and wait, where the policy places them in a queue: the first of them stands first. Taken, they go on to
 * the verification steps.
 *
 * ```ts
 * for await (const { peerId } of peer.inbound) console.log(`${peerId} may go on`)
 * ```
 */
export class Inbound implements AsyncIterable<InboundPeer> {
  readonly #publish: (body: Message, to: string) => void
  readonly #waiting = new Map<string, InboundPeer>()
  readonly #wakes = new Set<() => void>()
  #stopped = false

  constructor({ kernel }: PeerParts, publish: (body: Message, to: string) => void) {
    this.#publish = publish
    kernel.bus.of(InboundQueued).subscribe(({ body: { peerId, linkId } }) => {
      this.#waiting.set(linkId, { peerId, linkId })
      this.#wake()
    })
    kernel.bus.of(InboundLeft).subscribe(({ body }) => this.#waiting.delete(body.linkId))
    // Who still waits is told of again.
    kernel.bus.of(InboundReopened).subscribe(() => this.#waiting.clear())
    kernel.onStopped(() => {
      this.#stopped = true
      this.#waiting.clear()
      this.#wake()
    })
  }

  /** Who waits now. */
  get waiting(): readonly InboundPeer[] {
    return [...this.#waiting.values()]
  }

  /** Lets the first one go on, or the one with that link; undefined where nobody waits. */
  take(linkId?: string): InboundPeer | undefined {
    return this.#leave(linkId, new TakeInbound())
  }

  /** Turns the first one away, or the one with that link, with the code `not-approved`. @param reason shown to the other side */
  refuse(reason = '', linkId?: string): InboundPeer | undefined {
    return this.#leave(linkId, new TakeInbound({ refused: true, reason }))
  }

  /** Takes one after another as they come; ends when the peer has stopped. */
  async * [Symbol.asyncIterator](): AsyncGenerator<InboundPeer, void, undefined> {
    while (!this.#stopped) {
      const next = this.take()
      if (next !== undefined) yield next
      else await new Promise<void>(resolve => this.#wakes.add(resolve))
    }
  }

  #leave(linkId: string | undefined, body: TakeInbound): InboundPeer | undefined {
    const [first] = this.#waiting.values()
    const peer = linkId === undefined ? first : this.#waiting.get(linkId)
    if (peer === undefined) return undefined
    this.#waiting.delete(peer.linkId)
    body.linkId = peer.linkId
    this.#publish(body, INBOUND_QUEUE)
    return peer
  }

  #wake(): void {
    const wakes = [...this.#wakes]
    this.#wakes.clear()
    for (const wake of wakes) wake()
  }
}
