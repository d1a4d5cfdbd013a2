import { hashFor } from '../identity/domain.ts'
import { proves, type Proof, type SimulatedIdentity } from '../identity/simulated.ts'
import type { SimulatedRandom, SimulatedStream, StreamEnd } from '../simulated/host.ts'

/** What is known of a simulated link once its handshake is done. */
export interface SimulatedSecured {
  readonly peerId: string
  /** 16 bytes in hex, equal on both ends and new for every link. */
  readonly linkId: string
  /** 32 bytes that both ends know alike; here anybody could make them, who looked at the link id. */
  readonly sessionBinding: Uint8Array
}

export interface SimulatedHandshake {
  readonly identity: SimulatedIdentity
  readonly random: SimulatedRandom
  secured(secured: SimulatedSecured): void
  /** A code of docs/codes.md. The stream is destroyed. */
  failed(code: string, reason: string): void
}

interface ClientHello { readonly what: 'client-hello'; readonly random: string }
interface ServerHello { readonly what: 'server-hello'; readonly random: string; readonly proof: Proof }
interface Finished { readonly what: 'finished'; readonly proof: Proof }
type Flight = ClientHello | ServerHello | Finished

/** Sizes of the real flights with an Ed25519 certificate on either side, in bytes. */
const CLIENT_HELLO_BYTES = 350
const SERVER_HELLO_BYTES = 800
const FINISHED_BYTES = 600

/** Plays a TLS 1.3 client with a certificate on a stream that stands. @param expectedPeerId refuse any other; empty takes anyone */
export function secureSimulatedOutbound(stream: SimulatedStream, expectedPeerId: string, handshake: SimulatedHandshake): void {
  const random = draw(handshake.random)
  stream.listen({
    ended: how => fail(stream, handshake, 'tls', broken(how)),
    message(message) {
      const hello = message as Flight
      if (hello.what !== 'server-hello') return fail(stream, handshake, 'tls', 'the other side does not speak TLS')
      const linkId = random + hello.random
      if (!proves(hello.proof, `server ${linkId}`)) return fail(stream, handshake, 'tls', 'the other side did not prove its key')
      const { peerId } = hello.proof
      if (expectedPeerId !== '' && peerId !== expectedPeerId) {
        return fail(stream, handshake, 'wrong-key', `${peerId} answered where ${expectedPeerId} should be`)
      }
      stream.send({ what: 'finished', proof: handshake.identity.prove(`client ${linkId}`) } satisfies Flight, FINISHED_BYTES)
      handshake.secured({ peerId, linkId, sessionBinding: bindingOf(linkId) })
    }
  })
  stream.send({ what: 'client-hello', random } satisfies Flight, CLIENT_HELLO_BYTES)
}

/** Plays the server. */
export function secureSimulatedInbound(stream: SimulatedStream, handshake: SimulatedHandshake): void {
  let linkId = ''
  stream.listen({
    ended: how => fail(stream, handshake, 'tls', broken(how)),
    message(message) {
      const flight = message as Flight
      if (flight.what === 'client-hello' && linkId === '') {
        const random = draw(handshake.random)
        linkId = flight.random + random
        stream.send({ what: 'server-hello', random, proof: handshake.identity.prove(`server ${linkId}`) } satisfies Flight, SERVER_HELLO_BYTES)
      } else if (flight.what === 'finished' && linkId !== '' && proves(flight.proof, `client ${linkId}`)) {
        handshake.secured({ peerId: flight.proof.peerId, linkId, sessionBinding: bindingOf(linkId) })
      } else {
        fail(stream, handshake, 'tls', 'the other side did not prove its key')
      }
    }
  })
}

function fail(stream: SimulatedStream, handshake: SimulatedHandshake, code: string, reason: string): void {
  stream.destroy()
  handshake.failed(code, reason)
}

function broken(how: StreamEnd): string {
  return how === 'closed' ? 'the connection closed' : 'the connection was reset'
}

function bindingOf(linkId: string): Uint8Array {
  return hashFor('simulated session binding', Buffer.from(linkId, 'latin1'))
}

function draw(random: SimulatedRandom): string {
  return Buffer.from(random.bytes(8)).toString('hex')
}
