import { TextMessage, type EventOf } from '../../../proto/index.ts'
import type { Invariant } from '../invariant.ts'

/** A drain ends with nothing waiting, so what waits on the bus between events is stuck. */
export function boundedQueues(): Invariant {
  return {
    name: 'bounded-queues',
    fact(view, peer, fact) {
      if (fact.fact === 'link-queued' && (fact.bytes as number) > (fact.limit as number)) view.violated(`${peer.name} keeps ${String(fact.bytes)} bytes for one link, its bound is ${String(fact.limit)}`)
    },
    output(view, peer, envelope) {
      if (envelope.type !== 'DeadLetter') return
      const { body } = envelope as EventOf<'DeadLetter'>
      if (body.reason === 'mailbox-full') view.violated(`a mailbox of ${peer.name} is full: ${body.type} to ${body.to}`)
    },
    check(view) {
      const stuck = view.peers.find(({ kernel }) => (kernel?.bus.queued ?? 0) > 0)
      return stuck && `${stuck.kernel!.bus.queued} messages are stuck on the bus of ${stuck.name}`
    }
  }
}

/** No peer holds more links than it may. */
export function linkLimits(): Invariant {
  return {
    name: 'link-limits',
    check(view) {
      const over = view.peers.find(({ pairs }) => pairs.size > view.maxLinks)
      return over && `${over.name} is linked with ${over.pairs.size} peers, ${view.maxLinks} are allowed`
    }
  }
}

/** No machine and no driver throws. */
export function noThrows(): Invariant {
  return {
    name: 'no-throws',
    output(view, peer, envelope) {
      if (envelope.type !== 'ActorFailed') return
      const { address, error } = (envelope as EventOf<'ActorFailed'>).body
      view.violated(`${address} of ${peer.name} failed: ${error}`)
    }
  }
}

/** Every machine handles what it is sent. That an address is gone, or a peer is not linked, is no fault. */
export function allHandled(): Invariant {
  return {
    name: 'all-handled',
    output(view, peer, envelope) {
      if (envelope.type !== 'DeadLetter') return
      const { reason, type, from, to } = (envelope as EventOf<'DeadLetter'>).body
      if (reason === 'not-handled' || reason === 'malformed' || reason === 'unknown-type') view.violated(`${to} of ${peer.name} cannot take ${type} from ${from}: ${reason}`)
    }
  }
}

/** After an ordered stop there is no actor, timer, watch, subscription, driver, socket or stream. */
export function nothingLeft(): Invariant {
  return {
    name: 'nothing-left',
    stopped(view, peer, { actors, timers, queued, watches, subscriptions, drivers, open }) {
      const left = { actors: actors.length, 'timers of the core': timers, messages: queued, watches, subscriptions, drivers, ...open }
      const found = Object.entries(left).filter(([, count]) => count > 0)
      if (found.length > 0) view.violated(`${peer.name} stopped, and left ${found.map(([name, count]) => `${count} ${name}`).join(', ')}`)
    }
  }
}

/** The numbered messages of the workload come in order and once, as long as both sides live. */
export function messagesInOrder(): Invariant {
  const last = new Map<string, number>()
  return {
    name: 'messages-in-order',
    input(view, peer, { from, body }) {
      if (!(body instanceof TextMessage) || !from.startsWith('peer/')) return
      const [, life, number] = /^simulated (\d+) (\d+)$/.exec(body.text) ?? []
      if (life === undefined) return
      const stream = `${from} ${life} ${peer.index} ${peer.lives}`
      const before = last.get(stream) ?? -1
      if (Number(number) <= before) view.violated(`${peer.name} was given message ${number} of ${view.peer(from.slice('peer/'.length))?.name} after ${before}`)
      last.set(stream, Number(number))
    }
  }
}
