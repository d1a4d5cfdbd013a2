import { networkInterfaces } from 'node:os'
import { describe, expect, it } from '@jest/globals'
import { LocalNetworks } from '../../../actors/lan/local-networks.ts'
import { checkEcho } from '../../../runtime/doctor/checks/sockets.ts'
import { interfaceNames } from '../../../runtime/peer/options.ts'

describe('the look at what comes back to this machine', () => {
  it('counts what is there in time, though this process is too busy to read it by then', async () => {
    const loopback = new LocalNetworks(networkInterfaces(), interfaceNames(['loopback'])).addresses.find(({ family }) => family === 4)!
    const busy = new Int32Array(new SharedArrayBuffer(4))
    const work = (): void => {
      Atomics.wait(busy, 0, 0, 20)
      if (going) setImmediate(work)
    }
    let going = true
    work()
    const checks = await checkEcho(loopback, 10).finally(() => { going = false })
    expect(checks.map(({ check, ok }) => [check.split(' ')[0], ok])).toEqual([['broadcast', 'ok'], ['multicast', 'ok']])
  })
})
