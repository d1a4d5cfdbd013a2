import { describe, expect, it } from '@jest/globals'
import { WireTypeConflictError, WireTypes } from '../../../actors/peer-connection/wire-types.ts'
import { Services } from '../../../actors/seam/index.ts'
import { FileChunk, FileOffer, Frame, Identify, Level, Ping, TextMessage } from '../../../proto/index.ts'

const types = (): WireTypes => new Services().get(WireTypes)

describe('types on the wire', () => {
  it('are accepted in the order in which they were declared', () => {
    const wire = types()
    wire.add([{ type: FileOffer }, { type: TextMessage, level: Level.LEVEL_BASIC }], 'file-share')
    wire.add([{ type: FileChunk, via: 'pump' }], 'host')
    expect(wire.accepts).toEqual(['FileOffer', 'TextMessage', 'FileChunk'])
    expect(wire.at(1)).toMatchObject({ name: 'TextMessage', level: Level.LEVEL_BASIC, via: 'bus' })
    expect(wire.named('FileChunk')).toMatchObject({ index: 2, level: Level.LEVEL_ENHANCED, via: 'pump' })
    expect(wire.of(FileOffer)?.index).toBe(0)
    expect(wire.at(3)).toBeUndefined()
    expect(wire.named('__proto__')).toBeUndefined()
  })

  it('may be declared alike by several actors', () => {
    const wire = types()
    wire.add([{ type: FileOffer }], 'one')
    wire.add([{ type: FileOffer }], 'two')
    expect(wire.accepts).toEqual(['FileOffer'])
    expect([...wire.named('FileOffer')!.kinds]).toEqual(['one', 'two'])
  })

  it.each([
    ['level', { type: FileOffer, level: Level.LEVEL_BASIC }],
    ['route', { type: FileOffer, via: 'pump' as const }]
  ])('declared with another %s are a named conflict', (_, other) => {
    const wire = types()
    wire.add([{ type: FileOffer }], 'one')
    expect(() => wire.add([other], 'two')).toThrow(WireTypeConflictError)
  })

  it('of another class with the same name are a named conflict', () => {
    const wire = types()
    wire.add([{ type: FileOffer }], 'one')
    expect(() => wire.add([{ type: class extends FileOffer {} as never }], 'two')).toThrow(WireTypeConflictError)
  })

  it.each([Identify, Ping, Frame])('of the link itself are nobody else\'s', type => {
    expect(() => types().add([{ type }], 'mine')).toThrow(WireTypeConflictError)
  })

  it.each([Level.LEVEL_SECURED, 7 as Level])('do not pass at level %s', level => {
    expect(() => types().add([{ type: FileOffer, level }], 'mine')).toThrow(RangeError)
  })
})
