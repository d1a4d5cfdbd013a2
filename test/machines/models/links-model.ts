import { expect } from '@jest/globals'
import { Level, type LinksChanged, type SpawnActor } from '../../../proto/index.ts'
import type { MachineRun, Said } from '../../../runtime/testing/machine-run.ts'

/** It dials zoe at once; ada, whose PeerId is lower, dials it. */
export const SELF = 'mia'
export const PEERS = ['ada', 'zoe'] as const
export const PATIENCE_MS = 1_000
const TELL_MS = 250
const CLOSE_MS = 1_500

/** A connection that the keeper has started, as it is told of it. */
export interface Link {
  readonly address: string
  readonly peer: Peer
  readonly inbound: boolean
  phase: 'opening' | 'held' | 'closing' | 'over'
  /** It counts among the peer's: who calls and was never heard is nobody yet. */
  counts: boolean
  level: Level
  life: number
  dial: number
  probe: number
}

export class Peer {
  readonly id: string
  /** It was heard, or said over a link who it is. */
  known = false
  heard = false
  found = false
  /** When it was seen to be gone. */
  goneAt: number | undefined
  droppedUntil = 0
  quietUntil = 0
  /** When it is dialled, unless there is a link then. */
  dueAt: number | undefined
  told: Level = 0

  constructor(id: string) {
    this.id = id
  }
}

/** Who is linked, as a list; what it should say is told by comparing before and after. */
export class Links {
  now = 0
  readonly peers = new Map(PEERS.map(id => [id as string, new Peer(id)]))
  links: Link[] = []
  probes = 0
  inbound = 0
  toldLinks = 0
  tellAt: number | undefined
  stoppedAt: number | undefined
  /** What it is to say of this event. */
  expected: string[] = []

  of(peer: Peer): Link[] {
    return this.links.filter(link => link.peer === peer && link.counts)
  }

  /** It is known whose it is: the latest of that peer's. */
  attach(link: Link): void {
    if (link.counts) return
    link.counts = true
    this.links = [...this.links.filter(other => other !== link), link]
  }

  held(peer: Peer): Link[] {
    return this.of(peer).filter(({ phase }) => phase === 'held')
  }

  get connected(): number {
    return [...this.peers.values()].filter(({ told }) => told >= Level.LEVEL_BASIC).length
  }

  close(link: Link, code: string): void {
    if (link.phase !== 'opening' && link.phase !== 'held') return
    link.phase = 'closing'
    this.expected.push(`close ${link.address} ${code}`)
  }

  /** The machine has ended, or does so in this moment. */
  get over(): boolean {
    return this.stoppedAt !== undefined && (this.links.length === 0 || this.now >= this.stoppedAt + CLOSE_MS)
  }

  /** There is neither a link nor one on its way: it is dialled now, or after so long. */
  want(peer: Peer, waitMs: number): void {
    if (this.stoppedAt !== undefined || !peer.heard || peer.goneAt !== undefined || this.of(peer).some(({ phase }) => phase === 'opening' || phase === 'held')) return
    const wait = peer.quietUntil > this.now ? peer.quietUntil - this.now : waitMs
    if (wait > 0) {
      peer.dueAt ??= this.now + wait
    } else {
      peer.dueAt = undefined
      this.expected.push(`dial ${peer.id}`)
    }
  }

  /** A pair is told of once, when its first link climbs and when its last has ended. */
  end(link: Link, code: string): void {
    const { peer } = link
    const gaveUp = !link.inbound && link.level === 0 && code === 'lost'
    link.phase = 'over'
    link.level = 0
    if (peer.told >= Level.LEVEL_BASIC && !this.held(peer).some(({ level }) => level >= Level.LEVEL_BASIC)) {
      peer.told = 0
      this.expected.push(`disconnected ${peer.id}`)
    }
    if (gaveUp && !this.of(peer).some(({ phase }) => phase === 'opening' || phase === 'held')) {
      peer.goneAt = Math.max(this.now, 1)
      peer.found = false
    }
    this.want(peer, PATIENCE_MS)
  }

  /** More are told a moment later, with what comes meanwhile; fewer at once. */
  count(): void {
    const { connected } = this
    if (connected < this.toldLinks) this.tell()
    else if (connected > this.toldLinks) this.tellAt ??= this.now + TELL_MS
  }

  tell(): void {
    if (this.connected === this.toldLinks) return
    this.toldLinks = this.connected
    this.expected.push(`links ${this.toldLinks}`)
  }

  get deadline(): number {
    return Math.min(this.tellAt ?? Infinity, this.stoppedAt === undefined ? Infinity : this.stoppedAt + CLOSE_MS, ...[...this.peers.values()].map(({ dueAt }) => dueAt ?? Infinity))
  }

  due(): void {
    for (const peer of this.peers.values()) {
      if (peer.dueAt !== this.now) continue
      peer.dueAt = undefined
      this.want(peer, 0)
    }
    if (this.tellAt === this.now) {
      this.tellAt = undefined
      this.tell()
    }
  }

  /** It says what it is to say, and connections that it started are known from then on. */
  compare(said: readonly Said[], run: MachineRun): void {
    this.count()
    const words = said.flatMap(each => {
      if (each.type === 'SpawnActor') return this.spawned(each.body as SpawnActor)
      return each.type === 'Watch' ? [] : [wordsOf(each)]
    })
    expect(words.sort()).toEqual(this.expected.splice(0).sort())
    expect(run.done).toBe(this.over)
  }

  spawned({ kind, id, options }: SpawnActor): string[] {
    const { direction, peerId, handle } = JSON.parse(options) as { direction: string; peerId?: string; handle?: string }
    const peer = this.peers.get(peerId ?? handle!.split(' ')[0]!)!
    this.links.push({ address: `${kind}/${id}`, peer, inbound: direction === 'in', phase: 'opening', counts: peer.known, level: 0, life: 0, dial: 0, probe: 0 })
    return [direction === 'in' ? `adopt ${handle!}` : `dial ${peer.id}`]
  }
}

function wordsOf({ type, to, body }: Said): string {
  const { code, peerId } = body as { code?: string; peerId?: string }
  switch (type) {
    case 'CloseRequested': return `close ${to} ${code}`
    case 'LinkAdmitted': return `admit ${to}`
    case 'SendPing': return `ping ${to.replace('#link', '')}`
    case 'RejectInbound': return `reject ${code}`
    case 'LinksChanged': return `links ${(body as LinksChanged).links}`
    case 'PeerFound': return `found ${peerId}`
    case 'PeerConnected': return `connected ${peerId}`
    case 'PeerVerified': return `verified ${peerId}`
    case 'PeerDisconnected': return `disconnected ${peerId}`
    default: return `${type} to ${to}`
  }
}

/** Which of two links of a pair both sides keep. */
export function wins(a: Link, b: Link): boolean {
  if (a.life !== b.life) return a.life > b.life
  if (a.inbound !== b.inbound) return a.inbound === a.peer.id < SELF
  return a.dial !== b.dial ? a.dial > b.dial : a.address > b.address
}

/** Why the loser goes. */
export const lossOf = (winner: Link, loser: Link): string => winner.life === loser.life ? 'duplicate' : 'superseded'
