import { describe, expect, it } from '@jest/globals'
import { PeerVerified, rehearse, type Peer } from '../../../runtime/index.ts'

const sockets = () => process.getActiveResourcesInfo().filter(kind => /Socket|Server|UDP|TCP/.test(kind)).length

describe('a rehearsal', () => {
  it.each([2, 4])('of %i peers links each to each over loopback and leaves nothing open', async count => {
    const before = sockets()
    const linked = new Set<string>()
    const watch = (peer: Peer): void => void peer.bus.of(PeerVerified).subscribe(({ body }) => linked.add(`${peer.peerId} ${body.peerId}`))
    // On a machine that is too busy it is given up, and leaves nothing open then either.
    let met = false
    for (let tries = 0; tries < 10 && !met; tries++) {
      linked.clear()
      met = await rehearse(watch, count)
    }
    expect(met).toBe(true)
    expect(linked.size).toBe(count * (count - 1))
    await new Promise(resolve => setImmediate(resolve))
    expect(sockets()).toBe(before)
  })
})
