import { describe, expect, it } from '@jest/globals'
import { routines, verifyPingsDefinition } from '../../../actors/index.ts'
import { createPeer } from '../../../runtime/index.ts'

describe('createPeer refuses an option out of its range', () => {
  it.each([
    [{ 'verify-pings': { count: 17 } }, 'verify-pings.count is 17: give a whole number from 1 to 16'],
    [{ 'verify-pings': { count: 0 } }, 'verify-pings.count is 0: give a whole number from 1 to 16'],
    [{ 'verify-pings': { count: 1.5 } }, 'verify-pings.count is 1.5: give a whole number from 1 to 16'],
    [{ 'peer-directory': { flushMs: 499 } }, 'peer-directory.flushMs is 499: give a number from 500 on'],
    [{ 'peer-directory': { offersPerRound: 0 } }, 'peer-directory.offersPerRound is 0: give a whole number from 1 on'],
    [{ 'peer-directory': { batchMax: 0 } }, 'peer-directory.batchMax is 0: give a whole number from 1 on'],
    [{ 'peer-exchange': { joinDelayMs: 1 } }, 'peer-exchange.joinDelayMs is 1: give a number from 2000 on'],
    [{ 'link-keeper': { maxLanLinks: 4, lowLanLinks: 5 } }, 'link-keeper.lowLanLinks is 5: give a number from 0 to 4'],
    [{ 'link-keeper': { maxWanLinks: 4, lowWanLinks: 5 } }, 'link-keeper.lowWanLinks is 5: give a number from 0 to 4']
  ] as [Record<string, object>, string][])('of a default actor, and says the range: %j', (tune, message) => {
    expect(() => createPeer({ tune })).toThrow(expect.objectContaining({ name: 'PeerOptionError', message }))
  })

  it('of actors that the program brings, and of its steps', () => {
    const message = "routines.routines: 'sweep': everyMs is 5: give a number from 100 to 2147483647"
    expect(() => createPeer({ actors: [routines([{ name: 'sweep', everyMs: 5 }])] })).toThrow(expect.objectContaining({ name: 'PeerOptionError', message }))
    const pings = { ...verifyPingsDefinition, options: { ...verifyPingsDefinition.options!, count: 100 } }
    expect(() => createPeer({ verify: [pings] })).toThrow(/^verify-pings\.count is 100/)
    expect(createPeer({ tune: { 'verify-pings': { count: 16 } } })).toBeDefined()
  })
})
