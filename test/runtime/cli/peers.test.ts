import { afterAll, describe, expect, it } from '@jest/globals'
import stringWidth from 'string-width'
import { DirectoryStore } from '../../../actors/peer-directory/index.ts'
import { networkTag } from '../../../actors/identity/index.ts'
import { DirectoryAddress, DirectoryRecord, Endpoint } from '../../../proto/index.ts'
import { peersTable, standingOf } from '../../../runtime/cli/peers.ts'
import { p2pnet, Scratch } from './cli.ts'

const scratch = new Scratch()
afterAll(() => scratch.remove())

const NOW = Date.now()
const records = [
  new DirectoryRecord({
    peerId: 'a'.repeat(52), name: 'Ann\u001b[2J', verifiedAt: NOW - 60_000, seenAt: NOW - 60_000, steps: ['pings'], score: 1_400,
    addresses: [new DirectoryAddress({ endpoint: new Endpoint({ host: '192.0.2.1', port: 4_000 }), via: 'link', workedAt: NOW })]
  }),
  new DirectoryRecord({ peerId: 'b'.repeat(52), source: 'a'.repeat(52), refusedCode: '', failures: 2, score: -100 })
]

describe('p2pnet peers', () => {
  it('shows what a data folder remembers, the most useful first, and what other peers chose cannot drive the terminal', async () => {
    const dir = scratch.of('data')
    const store = await DirectoryStore.open(dir, networkTag('home'))
    await store.write(records, [])
    const shown = await p2pnet(['peers', '--data', dir, '--network', 'home'])
    expect({ code: shown.code, stderr: shown.stderr }).toEqual({ code: 0, stderr: '' })
    const lines = shown.stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^PEER +KNOWN AS SEEN +ID +ADDRESS/)
    expect(lines[1]).toMatch(/^Ann·\[2J +verified 1 min +aaaaaaaa 192\.0\.2\.1:4000 +link/)
    expect(lines[2]).toMatch(/^bbbbbbbb +hearsay +– +bbbbbbbb –/)
    expect(lines[3]).toBe('2 peers of the network home')
    const { stdout } = await p2pnet(['peers', '--data', dir, '--network', 'home', '--json'])
    expect(stdout.trimEnd().split('\n').map(line => JSON.parse(line) as object)).toMatchObject([
      { peerId: 'a'.repeat(52), standing: 'verified', steps: ['pings'], addresses: [{ address: '192.0.2.1:4000', via: 'link' }] }, { standing: 'hearsay', failures: 2 }
    ])
    await store.close()
  })

  it('says so where nobody is known, and makes nothing', async () => {
    const dir = scratch.of('nothing')
    expect(await p2pnet(['peers', '--data', dir])).toMatchObject({ code: 0, stdout: `no peer of the network p2pnet is known in ${dir}; name another network with --network\n`, stderr: '' })
    expect((await p2pnet(['peers', '--data', dir, '--json'])).stdout).toBe('')
  })

  it('fits every terminal', () => {
    for (let columns = 1; columns <= 140; columns++) for (const line of peersTable(records, columns, NOW)) expect(stringWidth(line)).toBeLessThanOrEqual(columns)
    expect(peersTable(records, 40, NOW)[0]).toBe('PEER           KNOWN AS SEEN   ID')
  })

  it('calls a peer by what matters most', () => {
    const of = (change: object) => standingOf(new DirectoryRecord(change))
    expect([of({ blocked: true, verifiedAt: 5 }), of({ refusedAt: 6, verifiedAt: 5 }), of({ refusedAt: 4, verifiedAt: 5 }), of({}), of({ source: 'ann' })])
      .toEqual(['blocked', 'refused', 'verified', 'heard', 'hearsay'])
  })
})
