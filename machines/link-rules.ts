import type { Life, LinkRow } from './link-keeper-context.ts'

/** Positive where `a` is the later life of a peer, negative where `b` is, 0 for the same one. */
export function compareLives(a: Life, b: Life): number {
  if (a.startedAt !== b.startedAt) return a.startedAt - b.startedAt
  // Two processes may start in one millisecond: any order will do that both sides see alike.
  return a.nonce === b.nonce ? 0 : a.nonce > b.nonce ? 1 : -1
}

/** Whether `self` dials `peerId` at once, rather than wait for it: the lower PeerId does, so that usually only one of two dials. */
export function dialsFirst(self: string, peerId: string): boolean {
  return self < peerId
}

/** Why `loser` goes where `winner` stays. */
export function lossCode(winner: LinkRow, loser: LinkRow): 'superseded' | 'duplicate' {
  return compareLives(winner.life, loser.life) === 0 ? 'duplicate' : 'superseded'
}

/**
 * Which of two identified links between the same two peers stays. Both sides come to the same answer:
 * they compare the same instances, dial numbers, directions and link ids.
 */
export function beats(a: LinkRow, b: LinkRow, self: string, peerId: string): boolean {
  const lives = compareLives(a.life, b.life)
  if (lives !== 0) return lives > 0
  if (a.inbound !== b.inbound) return a.inbound !== dialsFirst(self, peerId)
  // The dialer gave up on what it dialled before.
  if (a.dial !== b.dial) return a.dial > b.dial
  return a.linkId > b.linkId
}
