import { describe, expect, it } from '@jest/globals'
import { MAX_PLACES, mergePlaces } from '../../machines/place.ts'

const place = (n: number) => ({ host: `192.0.2.${n}`, port: 1 })

describe('places of a peer', () => {
  it('stand in the order heard, the newest in front, each once', () => {
    const known = mergePlaces([], [place(1), place(2)])
    expect(known).toEqual([place(1), place(2)])
    expect(mergePlaces(known, [place(3), place(1)])).toEqual([place(3), place(1), place(2)])
  })

  it('are the very same where nothing new is heard', () => {
    const known = mergePlaces([], [place(1)])
    expect(mergePlaces(known, [place(1)])).toBe(known)
    expect(mergePlaces(known, [{ host: '', port: 1 }, { host: 'h', port: 0 }, { host: 'h', port: 65_536 }, {}])).toBe(known)
  })

  it('are bounded, however many are said', () => {
    const heard = Array.from({ length: 1_000 }, (_, n) => place(n))
    expect(mergePlaces([place(5_000)], heard)).toHaveLength(MAX_PLACES)
    expect(mergePlaces([], heard)[0]).toEqual(place(0))
  })
})
