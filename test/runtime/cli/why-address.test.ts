import { describe, expect, it } from '@jest/globals'
import { Commands } from '../../../runtime/cli/up/commands.ts'
import { Directory } from '../../../runtime/cli/up/directory.ts'
import { unheard } from '../../../runtime/doctor/diagnose.ts'
import type { Peer } from '../../../runtime/peer/peer.ts'

describe('the command why', () => {
  it('takes an address for an address, whoever calls itself so', () => {
    const asked: string[] = []
    const peer = { peers: { value: [] }, why: (key: string) => { asked.push(key); return unheard(key, 1) } } as unknown as Peer
    const directory = new Directory()
    for (const name of ['192.0.2.7', '2001:db8::1', 'bob']) directory.note(`peer-${name}`, { name })
    const commands = new Commands({ peer, directory, emit: () => {}, quit: () => {} })
    for (const wanted of ['192.0.2.7', '@192.0.2.7', '2001:db8::1', 'bob']) commands.follow(`why ${wanted}`)
    expect(asked).toEqual(['192.0.2.7', '192.0.2.7', '2001:db8::1', 'peer-bob'])
  })
})
