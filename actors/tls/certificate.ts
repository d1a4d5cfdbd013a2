import { sign, type KeyObject } from 'node:crypto'

// Tags of DER (ITU-T X.690).
const INTEGER = 0x02
const BIT_STRING = 0x03
const UTF8_STRING = 0x0c
const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18
const SEQUENCE = 0x30
const SET = 0x31
const EXPLICIT_0 = 0xa0
// Object identifiers, encoded: Ed25519 (RFC 8410) and commonName.
const ED25519 = Buffer.from('06032b6570', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')

function der(tag: number, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const content = Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))
  const { length } = content
  const header = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), content])
}

/**
 * A self-signed certificate (RFC 5280, RFC 8410) for an Ed25519 key, in PEM. It carries the key through
 * TLS and says nothing else: all peers' have the same name, number and dates.
 */
export function selfSigned(publicKey: KeyObject, privateKey: KeyObject): string {
  const algorithm = der(SEQUENCE, ED25519)
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, 'p2pnet'))))
  const validity = der(SEQUENCE, der(UTC_TIME, '000101000000Z'), der(GENERALIZED_TIME, '99991231235959Z'))
  const key = publicKey.export({ type: 'spki', format: 'der' })
  const body = der(SEQUENCE, der(EXPLICIT_0, der(INTEGER, '\x02')), der(INTEGER, '\x01'), algorithm, name, validity, name, key)
  const certificate = der(SEQUENCE, body, algorithm, der(BIT_STRING, '\0', sign(null, body, privateKey)))
  const lines = certificate.toString('base64').match(/.{1,64}/g) as string[]
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
