import type { Invariant, SimulationView } from '../invariant.ts'
import type { SimulatedPeer } from '../peer.ts'
import { subnetsOf } from './subnets.ts'

/** From the start of the later of two peers, in milliseconds: ten times what a burst of announcements takes. */
const FOUND_WITHIN_MS = 20_000
/** Beyond this the bound is not held: luck may then be bad for so long. */
const LOST_PERCENT_MAX = 20
const DELAY_MS_MAX = 1_000

/** Two peers since one of them started. */
interface Pair {
  readonly lives: string
  readonly sinceMs: number
  /** They have found each other, or something besides loss has come between them: nothing more is asked of these lives. */
  over: boolean
}

/** However many packets are lost, a peer that starts and those of its subnet find each other soon, if nothing else goes wrong between them. */
export function discovery(): Invariant {
  const pairs = new Map<number, Pair>()
  return {
    name: 'discovery',
    check(view) {
      const { lossPercent, corruptPercent, delayMs } = view.faults
      if (lossPercent + corruptPercent > LOST_PERCENT_MAX || delayMs.max > DELAY_MS_MAX) return undefined
      for (const peers of subnetsOf(view.peers).values()) {
        // Where a link is not wanted, nothing makes up for an answer that is lost.
        if (peers.length - 1 > view.maxLinks || view.maxLanLinks !== undefined) continue
        for (const [at, a] of peers.entries()) {
          for (const b of peers.slice(0, at)) {
            if (!late(view, pairs, a, b)) continue
            return `${a.name} and ${b.name} have not found each other ${FOUND_WITHIN_MS} ms after they could`
          }
        }
      }
      return undefined
    }
  }
}

function late(view: SimulationView, pairs: Map<number, Pair>, a: SimulatedPeer, b: SimulatedPeer): boolean {
  const key = a.index * 0x1_0000 + b.index
  const lives = `${a.lives} ${b.lives}`
  let pair = pairs.get(key)
  if (pair?.lives !== lives) pairs.set(key, pair = { lives, sinceMs: view.nowMs, over: false })
  if (pair.over) return false
  const late = view.nowMs - pair.sinceMs > FOUND_WITHIN_MS
  pair.over = late || (knows(a, b) && knows(b, a)) || disturbed(view, a, b) || disturbed(view, b, a)
  return late
}

function knows(a: SimulatedPeer, { peerId }: SimulatedPeer): boolean {
  return a.found.has(peerId) || a.pairs.has(peerId)
}

/** Something keeps what one peer says from the other. */
function disturbed({ network }: SimulationView, { machine, running }: SimulatedPeer, to: SimulatedPeer): boolean {
  if (!running || machine.paused !== undefined || machine.cloggedUntil > network.clock.now()) return true
  return !machine.nics.some(from => to.machine.nics.some(nic => nic.subnet === from.subnet && network.passes(from, nic)))
}
