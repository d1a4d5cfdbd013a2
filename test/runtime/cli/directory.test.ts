import { describe, expect, it } from '@jest/globals'
import { Directory } from '../../../runtime/cli/up/directory.ts'

const ANN = `aaab${'a'.repeat(48)}`
const AMY = `aaac${'a'.repeat(48)}`

function two(): Directory {
  const directory = new Directory()
  directory.note(ANN, { name: 'ann' })
  directory.note(AMY, { name: 'amy', connected: true })
  return directory
}

describe('a PEER in a command', () => {
  it('is a PeerId, a name, or an unambiguous start of a PeerId', () => {
    expect(two().find(ANN).peerId).toBe(ANN)
    expect(two().find('ann').peerId).toBe(ANN)
    expect(two().find('aaab').peerId).toBe(ANN)
  })

  it('is the connected one where a name or a prefix fits several', () => {
    expect(two().find('aaa').peerId).toBe(AMY)
  })

  it('is nobody where several connected ones fit', () => {
    const directory = two()
    directory.note(ANN, { connected: true })
    expect(() => directory.find('aaa')).toThrow(expect.objectContaining({ name: 'PeerNotMeantError', code: 'ambiguous-peer' }))
    directory.note(ANN, { name: 'amy' })
    expect(() => directory.find('amy')).toThrow(expect.objectContaining({ code: 'ambiguous-peer' }))
    expect(directory.find('aaab').peerId).toBe(ANN)
  })

  it.each(['', 'bob', 'ANN', '__proto__', 'aaaz'])('%j is nobody', wanted => {
    expect(() => two().find(wanted)).toThrow(expect.objectContaining({ code: 'unknown-peer' }))
  })

  it('is a peer with that PeerId rather than one that took it for a name', () => {
    const directory = two()
    directory.note(AMY, { name: ANN })
    expect(directory.find(ANN).peerId).toBe(ANN)
  })
})

describe('the directory', () => {
  it('keeps the name when a later word has none, and falls back to the PeerId', () => {
    const directory = two()
    directory.note(ANN, { connected: true })
    expect(directory.nameOf(ANN)).toBe('ann')
    expect(directory.nameOf('zzzzzzzzzz')).toBe('zzzzzzzz')
  })

  it('remembers the connected ones, however many others are heard', () => {
    const directory = two()
    for (let index = 0; index < 5_000; index++) directory.note(`peer-${index}`, { name: 'x' })
    expect(directory.connected().map(({ peerId }) => peerId)).toEqual([AMY])
    expect(() => directory.find('ann')).toThrow('no peer is called')
  })
})
