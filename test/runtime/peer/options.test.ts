import { describe, expect, it } from '@jest/globals'
import { generateIdentity } from '../../../actors/identity/index.ts'
import { PeerOptionError } from '../../../runtime/peer/errors.ts'
import { checkOptions, parseHostPort, parsePeer, type PeerOptions } from '../../../runtime/peer/options.ts'

const peerId = 'a'.repeat(52)

describe('the options of a peer', () => {
  it.each<[string, unknown, RegExp]>([
    ['an unknown name', { nmae: 'ann' }, /no option 'nmae': it takes name, network/],
    ['an empty name', { name: '' }, /1 to 64 characters/],
    ['half a character in the name', { name: 'party \u{1f389}'.slice(0, 7) }, /cut within a character/],
    ['a name that is too long', { name: 'x'.repeat(65) }, /'x+' has 65/],
    ['an empty network', { network: '' }, /network needs a name/],
    ['no links at all', { maxLinks: 0 }, /1 to 10000/],
    ['a seed of another size', { seed: new Uint8Array(31) }, /31 bytes: give 32/],
    ['no interface', { interfaces: [] }, /every usable one/],
    ['a name that is no string', { name: 7 }, /name takes a string/],
    ['one interface that stands alone', { interfaces: 'lo' }, /interfaces takes an array of strings/],
    ['a message type that stands alone', { messages: class {} }, /messages takes an array/],
    ['an unknown level of the log', { log: 'loud' }, /log takes a pino logger, or one of silent, fatal/],
    ['two identities', { identity: generateIdentity(), dir: 'peer' }, /leave one out/]
  ])('%s is refused, and why is said', (_, options, message) => {
    expect(() => checkOptions(options as PeerOptions)).toThrow(PeerOptionError)
    expect(() => checkOptions(options as PeerOptions)).toThrow(message)
  })

  it.each([
    ['192.0.2.1:4000', { host: '192.0.2.1', port: 4000 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
    [':0', { host: '', port: 0 }],
    ['example.org:65535', { host: 'example.org', port: 65_535 }]
  ])('%s is a place', (text, place) => {
    expect(parseHostPort(text)).toEqual(place)
  })

  it.each(['', '4000', 'host', 'host:', 'host:65536', '::1:4000', '[::1]', '[::1:4000'])('%p is no place', text => {
    expect(() => parseHostPort(text)).toThrow(PeerOptionError)
  })

  it('a static peer may name whom it expects', () => {
    expect(parsePeer('192.0.2.1:4000')).toEqual({ peerId: '', host: '192.0.2.1', port: 4000 })
    expect(parsePeer(`${peerId}@[::1]:4000`)).toEqual({ peerId, host: '::1', port: 4000 })
  })

  it.each(['ann@192.0.2.1:4000', `${peerId}@192.0.2.1:0`, ':4000', '@192.0.2.1:4000'])('%s is no static peer', text => {
    expect(() => parsePeer(text)).toThrow(PeerOptionError)
  })
})
