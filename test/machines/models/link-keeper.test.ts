import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { linkKeeperMachine } from '../../../machines/link-keeper.ts'
import {
  DiscoveryStarted, DropPeer, Endpoint, InboundSecured, Initiator, Instance, Level, LinkEnded, LinkIdentified, LinkLevelReached, PeerHeard, PongReceived, Stop, Terminated,
  type Message
} from '../../../proto/index.ts'
import { KEEPER, LISTENER } from '../keeper-run.ts'
import { found, property, type Happening, type ModelTest } from './command.ts'
import { Links, lossOf, PATIENCE_MS, PEERS, SELF, wins, type Link } from './links-model.ts'

const DROP_MS = 60_000
const ECHO_MS = 2_000

type Step = Happening<Links>

interface Told {
  readonly message: Message
  readonly from: string
  /** What becomes of it. */
  readonly outcome: () => void
}

/** A message that comes, where there is somebody to send it. */
const told = (name: string, make: (links: Links) => Told | undefined): Step => {
  let next: Told | undefined
  return {
    name,
    possible: links => {
      next = links.over ? undefined : make(links)
      return next !== undefined
    },
    happen: run => run.hear(next!.message, next!.from),
    check: (links, said, run) => {
      next!.outcome()
      links.compare(said, run)
    }
  }
}

/** Of the links in such phases one, as the number says. */
const aLink = ({ links }: Links, number: number, ...phases: Link['phase'][]): Link | undefined => {
  const some = links.filter(({ phase }) => phases.includes(phase))
  return some[number % some.length]
}

const heard = (id: string) => told(`${id} is heard`, links => {
  const peer = links.peers.get(id)!
  return {
    message: new PeerHeard({
      peerId: id, via: 'broadcast', endpoints: [new Endpoint({ host: `host-${id}`, port: 1 })], instance: new Instance({ startedAt: 10, nonce: Uint8Array.of(1) }), acceptsInbound: true
    }),
    from: 'discovery-channel/lan',
    outcome: () => {
      if (links.stoppedAt !== undefined || (peer.goneAt !== undefined && links.now - peer.goneAt < ECHO_MS)) return
      if (!peer.found) links.expected.push(`found ${id}`)
      Object.assign(peer, { known: true, heard: true, found: true, goneAt: undefined })
      links.want(peer, id < SELF ? PATIENCE_MS : 0)
    }
  }
})

const calls = (id: string) => told(`${id} calls`, links => {
  const handle = `${id} ${++links.inbound}`
  return {
    message: new InboundSecured({ handle, peerId: id, linkId: handle, remote: new Endpoint({ host: `host-${id}`, port: 2 }) }),
    from: LISTENER,
    outcome: () => {
      links.expected.push(links.stoppedAt === undefined ? `adopt ${handle}` : 'reject shutdown')
      if (links.stoppedAt === undefined) links.peers.get(id)!.dueAt = undefined
    }
  }
})

const identified = (number: number, dial: number, life: number) => told('identified', links => {
  const link = aLink(links, number, 'opening', 'closing')
  if (link === undefined || links.held(link.peer).length > 5) return undefined
  const { address, peer, inbound } = link
  return {
    message: new LinkIdentified({
      peerId: peer.id, name: peer.id, instance: new Instance({ startedAt: life, nonce: Uint8Array.of(1) }), direction: inbound ? 1 : 2, linkId: address, dial,
      remote: new Endpoint({ host: `host-${peer.id}`, port: 1 })
    }),
    from: address,
    outcome: () => {
      if (link.phase !== 'opening') return
      Object.assign(link, { life, dial })
      links.attach(link)
      peer.known = true
      if (peer.droppedUntil > links.now) return links.close(link, 'dropped')
      const winner = links.held(peer).find(other => wins(other, link))
      if (winner !== undefined) return links.close(link, lossOf(winner, link))
      link.phase = 'held'
      link.level = Level.LEVEL_IDENTIFIED
      Object.assign(peer, { goneAt: undefined, quietUntil: 0, dueAt: undefined })
      links.expected.push(`admit ${address}`)
      // What it dials itself would lose.
      if (inbound && peer.id < SELF) for (const other of links.of(peer)) if (!other.inbound && other.phase === 'opening') links.close(other, 'duplicate')
    }
  }
})

const climbs = (number: number) => told('climbs', links => {
  const link = aLink(links, number, 'held')
  if (link === undefined || link.level === Level.LEVEL_ENHANCED) return undefined
  const { peer, address } = link
  const level = link.level === Level.LEVEL_BASIC ? Level.LEVEL_ENHANCED : Level.LEVEL_BASIC
  return {
    message: new LinkLevelReached({ peerId: peer.id, level, steps: ['pings'] }),
    from: address,
    outcome: () => {
      link.level = level
      if (peer.told < level) links.expected.push(`${level === Level.LEVEL_BASIC ? 'connected' : 'verified'} ${peer.id}`)
      peer.told = Math.max(peer.told, level)
      if (level < Level.LEVEL_ENHANCED || !links.held(peer).some(other => other !== link && wins(link, other))) return
      link.probe = ++links.probes
      links.expected.push(`ping ${address}`)
    }
  }
})

const pong = (number: number, off: number) => told('the other side has it too', links => {
  const link = aLink(links, number, 'held')
  if (link === undefined || link.probe === 0) return undefined
  return {
    message: new PongReceived({ id: link.probe + off, rttUs: 1 }),
    from: `${link.address}#link`,
    outcome: () => {
      if (off === 0) for (const other of links.held(link.peer)) if (other !== link && wins(link, other)) links.close(other, lossOf(link, other))
    }
  }
})

const ends = (number: number, code: 'lost' | 'duplicate') => told(`ends, ${code}`, links => {
  const link = aLink(links, number, 'opening', 'held', 'closing')
  if (link === undefined) return undefined
  const initiator = code === 'lost' ? Initiator.INITIATOR_NETWORK : Initiator.INITIATOR_REMOTE
  return {
    message: new LinkEnded({ peerId: link.peer.id, code, initiator, level: link.level }),
    from: link.address,
    outcome: () => links.end(link, code)
  }
})

const gone = (number: number) => told('the connection is gone', links => {
  const link = aLink(links, number, 'opening', 'held', 'closing', 'over')
  if (link === undefined) return undefined
  return {
    message: new Terminated({ address: link.address, reason: 'done' }),
    from: 'system',
    outcome: () => {
      if (link.phase !== 'over' && (link.phase !== 'closing' || link.level > 0)) links.end(link, 'internal')
      links.links = links.links.filter(other => other !== link)
      links.want(link.peer, PATIENCE_MS)
    }
  }
})

const dropped = (id: string) => told(`${id} is dropped`, links => ({
  message: new DropPeer({ peerId: id }),
  from: 'host',
  outcome: () => {
    const peer = links.peers.get(id)!
    if (links.stoppedAt !== undefined) return
    peer.known = true
    peer.quietUntil = peer.droppedUntil = links.now + DROP_MS
    for (const link of links.links) if (link.peer === peer) links.close(link, 'dropped')
  }
}))

const stop = told('stop', links => links.stoppedAt !== undefined ? undefined : {
  message: new Stop(),
  from: 'system',
  outcome: () => {
    links.stoppedAt = links.now
    for (const link of links.links) links.close(link, 'shutdown')
  }
})

/** A whole link; by chance alone two of one pair are rare. */
const linked = (id: string, dial: number): Step => ({
  name: `${id} is linked`,
  happen: () => {},
  check: (links, _, run) => {
    for (const step of [calls(id), identified(links.links.filter(({ phase }) => phase === 'opening' || phase === 'closing').length, dial, 10), climbs(links.links.length), climbs(links.links.length)]) {
      if (step.possible?.(links) !== true) continue
      step.happen(run)
      step.check(links, run.take(), run)
    }
  }
})

/** Time passes, but not beyond what it changes: what is due then happens exactly then. */
const pass = (ms: number): Step => ({
  name: `${ms} ms`,
  happen: () => {},
  check: (links, _, run) => {
    for (let left = ms; left > 0 && !links.over; left--) {
      const quiet = Math.min(left, links.deadline - links.now) - 1
      run.pass(quiet)
      links.now += quiet
      left -= quiet
      expect(run.take()).toEqual([])
      run.pass(1)
      links.now++
      links.due()
      links.compare(run.take(), run)
    }
  }
})

const peer = fc.constantFrom(...PEERS)
const number = fc.nat(5)

const test: ModelTest<Links> = {
  options: { address: KEEPER, options: { peerId: SELF, network: 'aa' } },
  model: run => {
    run.hear(new DiscoveryStarted())
    return new Links()
  },
  happenings: [
    peer.map(heard), peer.map(calls), peer.map(calls), fc.tuple(number, fc.integer({ min: 1, max: 3 }), fc.constantFrom(10, 10, 20)).map(args => identified(...args)),
    fc.tuple(number, fc.integer({ min: 1, max: 3 }), fc.constantFrom(10, 10, 20)).map(args => identified(...args)),
    number.map(climbs), number.map(climbs), fc.tuple(peer, fc.integer({ min: 1, max: 3 })).map(args => linked(...args)), fc.tuple(number, fc.constantFrom(0, 0, 0, 7)).map(args => pong(...args)), fc.tuple(number, fc.constantFrom('lost', 'duplicate')).map(args => ends(...args)),
    number.map(gone), peer.map(dropped), fc.nat(400).map(pass), fc.nat(3_000).map(pass), fc.nat(90_000).map(pass),
    // Seldom: little happens after it.
    fc.nat(9).map(each => each === 0 ? stop : pass(10))
  ]
}

describe('a link keeper and a simple model of it', () => {
  it('do the same, whatever happens', () => {
    fc.assert(property(linkKeeperMachine, test), { numRuns: 500 })
  })

  it.each([
    ['keeps both of two links', { actions: { settle: () => {} } }, 'the other side has it too'],
    ['never dials whom it has waited for', { actions: { dialDue: () => {} } }, 'ada is heard'],
    ['forgets to tell how many links there are', { actions: { tellLinks: () => {} } }, 'is linked'],
    ['does not tell that a pair has parted', { actions: { end: () => {} } }, 'ends, lost'],
    ['does not look after a peer whose connection is gone', { actions: { forget: () => {} } }, 'the connection is gone'],
    ['drops nobody', { actions: { drop: () => {} } }, 'is dropped'],
    ['waits for no goodbye', { guards: { noLinks: () => true } }, 'stop']
  ])('differ where it has a bug: it %s', (_, bug, shown) => {
    expect(found(linkKeeperMachine.provide(bug), test, 1_000)).toContain(shown)
  })
})
