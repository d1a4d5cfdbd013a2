import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Envelope as ProtoEnvelope } from '../../../proto/generated/v1.js'
import { Endpoint, PeerHeard, Ping, TextMessage } from '../../../proto/index.ts'
import { BusEnvelope, encodeEnvelope } from '../../../runtime/kernel/index.ts'

const head = { type: 'PeerHeard', seq: 7, time: 20, from: 'host', to: 'a/b', cause: 3 }
const heard = () => new PeerHeard({ peerId: 'p', endpoints: [new Endpoint({ host: '127.0.0.1', port: 1 })] })

describe('an envelope', () => {
  it('encodes its body once, when first asked', () => {
    let encoded = 0
    class Counted extends Ping {
      static override encode(...args: Parameters<typeof Ping.encode>) {
        encoded++
        return Ping.encode(...args)
      }
    }
    const envelope = BusEnvelope.of({ ...head, type: 'Ping' }, Counted as never, new Ping({ id: 1 }))
    expect(encoded).toBe(0)
    expect(envelope.bytes).toBe(envelope.bytes)
    expect(encoded).toBe(1)
  })

  it('encodes a text that was cut within an emoji, so that every reader takes it', () => {
    for (const tail of ['', 'x'.repeat(50), 'x'.repeat(500)]) {
      const { bytes } = BusEnvelope.of({ ...head, type: 'TextMessage' }, TextMessage, new TextMessage({ text: `\u{1f389}${tail}`.slice(1) }))
      expect(TextMessage.decode(bytes).text).toBe(`\ufffd${tail}`)
    }
    expect(ProtoEnvelope.decode(encodeEnvelope(BusEnvelope.of({ ...head, from: '\ud83c' }, PeerHeard, heard()))).from).toBe('\ufffd')
  })

  it('passes received bytes on as they are, with fields that it does not know', () => {
    const bytes = Uint8Array.of(...Ping.encode(new Ping({ id: 5 })).finish(), 0xf8, 0x07, 1)
    const envelope = BusEnvelope.received({ ...head, type: 'Ping' }, Ping, bytes)
    expect(envelope.body).toMatchObject({ id: 5 })
    expect(envelope.bytes).toBe(bytes)
    expect(envelope.hop()).toBe(envelope)
  })

  it('freezes the body that it is given', () => {
    const envelope = BusEnvelope.of(head, PeerHeard, heard())
    expect(() => { (envelope.body as PeerHeard).peerId = 'q' }).toThrow(TypeError)
  })

  it('gives each receiver a frozen copy of its own where every hop is encoded', () => {
    const sent = heard()
    const envelope = BusEnvelope.of(head, PeerHeard, sent).decoded(true)
    const [first, second] = [envelope.hop().body, envelope.hop().body] as [PeerHeard, PeerHeard]
    expect(first).not.toBe(second)
    expect(first).not.toBe(sent)
    expect(first).toEqual(second)
    expect(() => { (first.endpoints[0] as Endpoint).port = 2 }).toThrow(TypeError)
    expect(() => first.endpoints.push(new Endpoint())).toThrow(TypeError)
  })

  it('is written byte for byte as the generated encoder would write it', () => {
    const text = fc.string({ maxLength: 20 })
    fc.assert(fc.property(
      fc.record({ seq: fc.nat(), time: fc.maxSafeNat(), cause: fc.nat(), from: text, to: text, body: text }),
      ({ body, ...rest }) => {
        const envelope = BusEnvelope.of({ ...rest, type: 'TextMessage' }, TextMessage, new TextMessage({ text: body }))
        const expected = ProtoEnvelope.encode(new ProtoEnvelope({ ...rest, type: 'TextMessage', body: envelope.bytes })).finish()
        expect(Buffer.from(encodeEnvelope(envelope)).toString('hex')).toBe(Buffer.from(expected).toString('hex'))
      }
    ))
  })
})
