import { describe, expect, it } from '@jest/globals'
import { rehearse } from '../../../runtime/index.ts'

const sockets = () => process.getActiveResourcesInfo().filter(kind => /Socket|Server|UDP|TCP/.test(kind)).length

describe('a rehearsal', () => {
  it('makes a link over loopback and leaves nothing open', async () => {
    const before = sockets()
    expect(await rehearse()).toBe(true)
    await new Promise(resolve => setImmediate(resolve))
    expect(sockets()).toBe(before)
  })
})
