import { Level } from '../../../proto/index.ts'
import type { Invariant, SimulationView } from '../invariant.ts'
import type { SimulatedPeer } from '../peer.ts'

/**
 * Longest time between the closing of one end of a link and the other, in milliseconds: the keep-alive
 * (5,000 and 5,000), the goodbye (500 and 500), and twice the slowest retransmission's worth of load.
 */
const CLOSE_BOUND_MS = 15_000

interface End {
  readonly peer: SimulatedPeer
  readonly life: number
  level: Level
  readonly said: Set<string>
  open: boolean
}

interface LinkRecord {
  readonly ends: End[]
  /** When the first end closed, or was seen alone; undefined while both are open. */
  aloneSince: number | undefined
}

/** Every link by its id, with what is known of its ends. */
class LinkBook {
  readonly links = new Map<string, LinkRecord>()

  end(linkId: string, peer: SimulatedPeer): End | undefined {
    return this.links.get(linkId)?.ends.find(end => end.peer === peer && end.life === peer.lives)
  }

  other(linkId: string, peer: SimulatedPeer): End | undefined {
    return this.links.get(linkId)?.ends.find(end => end.peer !== peer)
  }

  opened(linkId: string, peer: SimulatedPeer): void {
    const link = this.links.get(linkId) ?? { ends: [], aloneSince: undefined }
    this.links.set(linkId, link)
    link.ends.push({ peer, life: peer.lives, level: Level.LEVEL_SECURED, said: new Set(), open: true })
  }

  closed(linkId: string, peer: SimulatedPeer): void {
    const end = this.end(linkId, peer)
    if (end === undefined) return
    end.open = false
    if (this.links.get(linkId)!.ends.every(({ open }) => !open)) this.links.delete(linkId)
  }

  lifeEnded(peer: SimulatedPeer): void {
    for (const [linkId, { ends }] of this.links) if (ends.some(end => end.peer === peer && end.open)) this.closed(linkId, peer)
  }
}

/** Nothing but what its level allows passes a link, and no end calls it enhanced before both have verified each other. */
export function levelGating(): Invariant {
  const book = new LinkBook()
  return {
    name: 'level-gating',
    lifeEnded: (_view, peer) => book.lifeEnded(peer),
    fact(view, peer, fact) {
      switch (fact.fact) {
        case 'link-opened': return book.opened(fact.linkId as string, peer)
        case 'link-closed': return book.closed(fact.linkId as string, peer)
        case 'link-said': return void book.end(fact.linkId as string, peer)?.said.add(fact.type as string)
        case 'link-gate': {
          const end = book.end(fact.linkId as string, peer)
          if (end === undefined) return
          end.level = fact.level as Level
          const other = book.other(fact.linkId as string, peer)
          if (end.level >= Level.LEVEL_BASIC && !end.said.has('Verified')) view.violated(`${peer.name} let messages pass before it had told ${nameOf(view, fact.remote as string)} that it verified it`)
          if (end.level >= Level.LEVEL_ENHANCED && other !== undefined && !other.said.has('Verified')) view.violated(`${peer.name} calls a link enhanced that ${nameOf(view, fact.remote as string)} has not verified`)
          return
        }
        case 'link-passed': {
          const { linkId, type, needs } = fact as { linkId: string; type: string; needs: Level }
          const end = book.end(linkId, peer)
          if (end !== undefined && end.level < needs) view.violated(`${type} passed to ${peer.name} at level ${Level[end.level]}, it needs ${Level[needs]}`)
        }
      }
    }
  }
}

/** A link that one end has closed is closed on the other within its bound. */
export function closedOnBothEnds(): Invariant {
  const book = new LinkBook()
  return {
    name: 'closed-on-both-ends',
    lifeEnded: (_view, peer) => book.lifeEnded(peer),
    fact(_view, peer, fact) {
      if (fact.fact === 'link-opened') book.opened(fact.linkId as string, peer)
      else if (fact.fact === 'link-closed') book.closed(fact.linkId as string, peer)
    },
    check(view) {
      for (const [linkId, link] of book.links) {
        const open = link.ends.filter(end => end.open)
        // A process that stands still closes nothing.
        if (open.length > 1 || open[0]?.peer.machine.paused !== undefined) {
          link.aloneSince = undefined
        } else {
          link.aloneSince ??= view.nowMs
          if (view.nowMs - link.aloneSince <= CLOSE_BOUND_MS) continue
          book.links.delete(linkId)
          return `${open[0]!.peer.name} still holds link ${linkId} ${CLOSE_BOUND_MS} ms after its other end closed`
        }
      }
      return undefined
    }
  }
}

/** Once all is well, two peers have one link. */
export function oneLinkPerPair(): Invariant {
  const book = new LinkBook()
  return {
    name: 'one-link-per-pair',
    lifeEnded: (_view, peer) => book.lifeEnded(peer),
    fact(_view, peer, fact) {
      if (fact.fact === 'link-opened') book.opened(fact.linkId as string, peer)
      else if (fact.fact === 'link-closed') book.closed(fact.linkId as string, peer)
    },
    missing: view => tooMany(view, book)
  }
}

function tooMany(view: SimulationView, book: LinkBook): string | undefined {
  const counts = new Map<string, number>()
  for (const { ends } of book.links.values()) {
    const healed = ends.filter(({ open, peer }) => open && view.healed.has(peer))
    if (healed.length === 1) return `${healed[0]!.peer.name} has a link whose other end is not there`
    if (healed.length < 2) continue
    const pair = healed.map(({ peer }) => peer.name).sort().join(' and ')
    const count = (counts.get(pair) ?? 0) + 1
    counts.set(pair, count)
    if (count > 1) return `${pair} have ${count} links`
  }
  return undefined
}

function nameOf(view: SimulationView, peerId: string): string {
  return view.peer(peerId)?.name ?? peerId
}
