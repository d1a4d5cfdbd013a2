import { afterEach, describe, expect, it } from '@jest/globals'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { firstValueFrom } from 'rxjs'
import { DISCONNECT, FIRST_ACCEPTED, IDENTIFY } from '../../../actors/peer-connection/built-in.ts'
import { handshake, secureInbound, secureOutbound } from '../../../actors/tls/index.ts'
import {
  Disconnect, Identify, PeerRefused, SecretChallenge, SecretProof, TextMessage, typeName, type Envelope, type Message, type MessageClass
} from '../../../proto/index.ts'
import {
  allowlistStep, authorityStep, createPeer, generateIdentity, NetworkKey, secretStep, signCertificate, type Identity, type Peer, type PeerOptions
} from '../../../runtime/index.ts'
import { Caller } from '../peer-connection/link-sides.ts'

const key = NetworkKey.generate()
const network = `hostile-${process.pid}`

const closing: (() => unknown)[] = []
afterEach(async () => { for (const close of closing.splice(0).reverse()) await close() })

/** A peer, and every message that it was given or gave. */
async function peer(options: PeerOptions = {}): Promise<{ peer: Peer; log: Envelope[]; refused: Promise<PeerRefused> }> {
  const made = createPeer({ network, key, interfaces: ['loopback'], lan: false, log: 'silent', ...options })
  const log: Envelope[] = []
  made.bus.all.subscribe(envelope => log.push(envelope))
  const refused = firstValueFrom(made.bus.of(PeerRefused)).then(({ body }) => body)
  refused.catch(() => {})
  closing.push(() => made.stop())
  await made.start()
  return { peer: made, log, refused }
}

const placeOf = ({ listening }: Peer) => listening.find(({ host }) => host === '127.0.0.1') ?? listening[0]!

/** Messages of the host program that came from another peer: none, in any of these tests. */
const data = (log: readonly Envelope[]) => log.filter(({ from, to }) => from.startsWith('peer/') && to === '')

/** A program that speaks frames over real TLS, and knows how to number what a peer accepts. */
class Mallory {
  readonly caller: Caller
  readonly #accepts: readonly string[]

  private constructor(caller: Caller, accepts: readonly string[]) {
    this.caller = caller
    this.#accepts = accepts
  }

  /** Identifies itself as one of the network, whose tag anybody on it hears. */
  static async meet(caller: Caller): Promise<Mallory> {
    const theirs = Identify.decode(await caller.next(IDENTIFY))
    caller.send(IDENTIFY, Identify.encode(new Identify({ ...theirs, name: 'mallory' })).finish())
    return new Mallory(caller, theirs.accepts)
  }

  static async dial(to: Peer, identity: Identity = generateIdentity()): Promise<Mallory> {
    const { host, port } = placeOf(to)
    const tcp = connect({ host, port })
    closing.push(() => tcp.destroy())
    const socket = secureOutbound(tcp, identity)
    await handshake(socket, { timeoutMs: 30_000 })
    return Mallory.meet(new Caller(socket, tcp))
  }

  say(body: Message, type: MessageClass): void {
    this.caller.send(this.#number(type), type.encode(body).finish())
  }

  async hear<T extends Message>(type: MessageClass<T>): Promise<T> {
    return type.decode(await this.caller.next(this.#number(type)))
  }

  /** How the other side ends it. */
  async goodbye(): Promise<Disconnect> {
    return Disconnect.decode(await this.caller.next(DISCONNECT))
  }

  #number(type: MessageClass<any>): number {
    return FIRST_ACCEPTED + this.#accepts.indexOf(typeName(type))
  }
}

async function listen(accept: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket.on('error', () => {}))
    accept(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

describe('the proof of the network key, over real TLS', () => {
  it('is refused to who knows the network and not the key, and no message passes', async () => {
    const ann = await peer()
    const mallory = await Mallory.dial(ann.peer)
    mallory.say(new SecretChallenge({ nonce: new Uint8Array(32).fill(7) }), SecretChallenge)
    await mallory.hear(SecretChallenge)
    mallory.say(new TextMessage({ text: 'let me in' }), TextMessage)
    mallory.say(new SecretProof({ proof: new Uint8Array(32).fill(9) }), SecretProof)
    const goodbye = await mallory.goodbye()
    expect(goodbye).toMatchObject({ code: 'proof-wrong', step: 'secret' })
    expect(await ann.refused).toMatchObject({ code: 'proof-wrong', step: 'secret', reason: goodbye.reason })
    // Who calls learns nothing to test keys with: we prove last.
    expect(ann.log.filter(({ type, to }) => type === 'SecretProof' && to.endsWith('#link'))).toEqual([])
    expect(data(ann.log)).toEqual([])
  })

  it('is worth nothing in another session, even from the one who made it', async () => {
    const identity = generateIdentity()
    const ann = await peer()
    const { host, port } = placeOf(ann.peer)
    const bob = await peer({ identity, peers: [`${ann.peer.peerId}@${host}:${port}`] })
    await firstValueFrom(bob.peer.peers)
    while (bob.peer.peers.value[0]?.level !== 'enhanced') await new Promise(resolve => setImmediate(resolve))
    const said = <T extends Message>(type: MessageClass<T>) => bob.log.find(({ type: name, to }) => name === typeName(type) && to.endsWith('#link'))!.body as T
    const [challenge, proof] = [said(SecretChallenge), said(SecretProof)]
    await bob.peer.stop()
    const mallory = await Mallory.dial(ann.peer, identity)
    mallory.say(challenge, SecretChallenge)
    mallory.say(proof, SecretProof)
    expect(await mallory.goodbye()).toMatchObject({ code: 'proof-wrong', step: 'secret' })
    expect(await ann.refused).toMatchObject({ peerId: identity.peerId, code: 'proof-wrong' })
    expect(data(ann.log)).toEqual([])
  })

  it('cannot be sent back to who made it', async () => {
    const identity = generateIdentity()
    const met = deferred<Mallory>()
    const place = await listen(tcp => {
      const socket = secureInbound(tcp, identity)
      handshake(socket, { timeoutMs: 30_000 }).then(() => Mallory.meet(new Caller(socket, tcp))).then(met.resolve, met.reject)
    })
    const ann = await peer({ peers: [place] })
    const mallory = await met.promise
    mallory.say(await mallory.hear(SecretChallenge), SecretChallenge)
    mallory.say(await mallory.hear(SecretProof), SecretProof)
    expect(await mallory.goodbye()).toMatchObject({ code: 'proof-reflected', step: 'secret' })
    expect(await ann.refused).toMatchObject({ peerId: identity.peerId, code: 'proof-reflected' })
    expect(data(ann.log)).toEqual([])
  })

  it('comes in turn and once, or is refused', async () => {
    const turns: ((mallory: Mallory) => void)[] = [
      mallory => mallory.say(new SecretProof({ proof: new Uint8Array(32) }), SecretProof),
      mallory => mallory.say(new SecretChallenge({ nonce: new Uint8Array(8) }), SecretChallenge),
      mallory => { for (let i = 0; i < 2; i++) mallory.say(new SecretChallenge({ nonce: new Uint8Array(32) }), SecretChallenge) }
    ]
    for (const turn of turns) {
      const ann = await peer()
      const mallory = await Mallory.dial(ann.peer)
      turn(mallory)
      expect(await mallory.goodbye()).toMatchObject({ code: 'step-order', step: 'secret' })
      expect(await ann.refused).toMatchObject({ code: 'step-order', step: 'secret' })
      expect(data(ann.log)).toEqual([])
    }
  })

  it('is refused to who stops in the middle', async () => {
    const ann = await peer({ verify: [{ ...secretStep(key), options: { ...secretStep(key).options!, timeoutMs: 50 } }] })
    const mallory = await Mallory.dial(ann.peer)
    mallory.say(new SecretChallenge({ nonce: new Uint8Array(32) }), SecretChallenge)
    expect(await mallory.goodbye()).toMatchObject({ code: 'step-timeout', step: 'secret' })
    expect(await ann.refused).toMatchObject({ code: 'step-timeout', step: 'secret' })
  })
})

describe('somebody in between, who ends TLS on both sides and passes on every byte', () => {
  async function between(annOptions: PeerOptions, bobOptions: PeerOptions) {
    const mallory = generateIdentity()
    const bob = await peer(bobOptions)
    const { host, port } = placeOf(bob.peer)
    const place = await listen(async tcp => {
      const onward = connect({ host, port })
      closing.push(() => onward.destroy())
      const [toAnn, toBob] = [secureInbound(tcp, mallory), secureOutbound(onward, mallory)]
      await Promise.all([toAnn, toBob].map(socket => handshake(socket, { timeoutMs: 30_000 }))).catch(() => {})
      toAnn.pipe(toBob).pipe(toAnn)
    })
    const ann = await peer({ ...annOptions, peers: [place] })
    return { mallory, ann, bob }
  }

  it('cannot pass on the proof of the key', async () => {
    const { mallory, ann, bob } = await between({}, {})
    const told = await Promise.all([ann.refused, bob.refused])
    for (const body of told) expect(body).toMatchObject({ peerId: mallory.peerId, code: 'proof-wrong', step: 'secret' })
    expect(told[0]!.reason).toBe(told[1]!.reason)
    expect([...data(ann.log), ...data(bob.log)]).toEqual([])
  })

  it('cannot pass on a certificate', async () => {
    const authority = generateIdentity()
    const [annId, bobId] = [generateIdentity(), generateIdentity()]
    const certified = (identity: Identity): PeerOptions => ({
      identity,
      verify: [authorityStep({
        authorities: [authority.peerId], certificate: signCertificate(authority, { peerId: identity.peerId, notBefore: 0, notAfter: Date.now() + 60_000 })
      })]
    })
    const { mallory, ann, bob } = await between(certified(annId), certified(bobId))
    for (const body of await Promise.all([ann.refused, bob.refused])) expect(body).toMatchObject({ peerId: mallory.peerId, code: 'certificate-of-other', step: 'authority' })
    expect([...data(ann.log), ...data(bob.log)]).toEqual([])
  })

  it('is not on the list', async () => {
    const bobId = generateIdentity()
    const { mallory, ann } = await between({ verify: [allowlistStep([bobId.peerId])] }, { identity: bobId })
    expect(await ann.refused).toMatchObject({ peerId: mallory.peerId, code: 'not-allowed' })
    expect(data(ann.log)).toEqual([])
  })
})

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let settle!: { resolve: (value: T) => void; reject: (error: unknown) => void }
  const promise = new Promise<T>((resolve, reject) => { settle = { resolve, reject } })
  return { promise, ...settle }
}
