import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formatApprovals, parseApprovals } from '../../actors/approvals/file-driver.ts'
import { generateIdentity, isPeerId } from '../../actors/identity/index.ts'
import { parseRecord, PEER_RECORD_CONTEXT } from '../../actors/peer-exchange/record.ts'
import { CertificateError, readCertificate, signCertificate } from '../../actors/verify-authority/index.ts'
import { Decision, Endpoint, PeerRecord, SignedPeerRecord } from '../../proto/index.ts'

const [subject, authority] = [generateIdentity(), generateIdentity()]
const certificate = signCertificate(authority, { peerId: subject.peerId, notBefore: 1_000, notAfter: 2_000, name: 'ann' })

/** The code with which a certificate is refused; undefined where it counts. */
function refusal(bytes: Uint8Array): string | undefined {
  try {
    readCertificate(bytes)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(CertificateError)
    return (error as CertificateError).code
  }
}

describe('any bytes shown as a certificate', () => {
  it('are refused by a named code when they are random', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), bytes => {
      expect(refusal(bytes)).toMatch(bytes.length === 0 ? /^certificate-missing$/ : /^certificate-(malformed|forged)$/)
    }), { numRuns: 5_000 })
  })

  it('are refused when they are one cut short', () => {
    for (let length = 0; length < certificate.length; length++) {
      expect([length, refusal(certificate.subarray(0, length))]).toEqual([length, expect.stringMatching(/^certificate-(missing|malformed|forged)$/)])
    }
  })

  it('never say anything else than the authority has signed, whichever byte is changed', () => {
    const signed = readCertificate(certificate)
    fc.assert(fc.property(fc.nat(certificate.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bytes = Uint8Array.from(certificate)
      bytes[at] = bytes[at]! ^ change
      const code = refusal(bytes)
      // What is around the signed bytes may be said in other ways; what is signed may not.
      if (code === undefined) expect(readCertificate(bytes)).toEqual(signed)
      else expect(code).toMatch(/^certificate-(malformed|forged)$/)
    }), { numRuns: 2_000 })
  })
})

describe('any text in approvals.json', () => {
  const decisions = fc.array(fc.record({ decision: fc.constantFrom(Decision.DECISION_APPROVED, Decision.DECISION_REFUSED), reason: fc.string({ maxLength: 200, unit: 'grapheme' }) }), { maxLength: 8 })

  it('gives decisions about PeerIds or a SyntaxError, and nothing else', () => {
    const entry = fc.oneof(fc.jsonValue(), fc.record({
      peerId: fc.oneof(fc.constant(subject.peerId), fc.jsonValue()), decision: fc.oneof(fc.constantFrom('approved', 'refused'), fc.jsonValue()), reason: fc.jsonValue()
    }, { requiredKeys: [] }))
    const text = fc.oneof(fc.string(), fc.json(), fc.array(entry).map(value => JSON.stringify(value)))
    fc.assert(fc.property(text, text => {
      let read
      try {
        read = parseApprovals(text)
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError)
        return
      }
      for (const { peerId, decision, reason } of read) {
        expect([isPeerId(peerId), [Decision.DECISION_APPROVED, Decision.DECISION_REFUSED].includes(decision!), reason!.length <= 200]).toEqual([true, true, true])
      }
    }), { numRuns: 5_000 })
  })

  it('is read as it was written', () => {
    fc.assert(fc.property(decisions, given => {
      const rows = given.map(({ decision, reason }) => ({ peerId: subject.peerId, decision, reason: reason.slice(0, 200) }))
      expect(parseApprovals(formatApprovals(rows as never)).map(({ peerId, decision, reason }) => ({ peerId, decision, reason }))).toEqual(rows)
    }))
  })
})

describe('any bytes shared as a peer record', () => {
  const record = PeerRecord.encode(new PeerRecord({
    version: 1, network: new Uint8Array(16), publicKey: subject.publicKey, sequence: 7, expiresAt: 9, addresses: [new Endpoint({ host: '192.0.2.1', port: 4_000 })]
  })).finish()
  const signature = subject.sign(PEER_RECORD_CONTEXT, record)

  it('are a record of the right form or none', () => {
    expect(parseRecord(new SignedPeerRecord({ record, signature }))).toMatchObject({ sequence: 7, addresses: [{ host: '192.0.2.1', port: 4_000 }] })
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 1_100 }), fc.tuple(fc.nat(record.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
      const changed = Uint8Array.from(record)
      changed[at] = changed[at]! ^ change
      return changed
    }))
    fc.assert(fc.property(bytes, bytes => {
      const parsed = parseRecord(new SignedPeerRecord({ record: bytes, signature }))
      if (parsed === undefined) return
      expect(parsed.publicKey).toHaveLength(32)
      expect(parsed.network).toHaveLength(16)
      expect(Number.isSafeInteger(parsed.sequence) && parsed.sequence >= 1 && Number.isSafeInteger(parsed.expiresAt)).toBe(true)
      for (const { host, port } of parsed.addresses) expect(host.length <= 45 && port >= 1_024 && port <= 65_535).toBe(true)
    }), { numRuns: 5_000 })
  })
})
