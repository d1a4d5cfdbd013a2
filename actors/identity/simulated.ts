import { createHash } from 'node:crypto'
import type { Identity } from './identity.ts'
import { peerIdOf } from './peer-id.ts'

/** Something that only the holder of a key can have made: a signature's contract without its cost. */
export interface Proof {
  readonly peerId: string
  readonly publicKey: Uint8Array
  /** What was signed. */
  readonly statement: string
}

const proofs = new WeakSet<Proof>()

/** An identity whose proofs cannot be forged in this process, and that took no curve to make. */
export interface SimulatedIdentity extends Identity {
  prove(statement: string): Proof
}

export function isSimulated(identity: Identity): identity is SimulatedIdentity {
  return 'prove' in identity
}

/** @param seed makes the identity; another seed makes another */
export function simulatedIdentity(seed: string): SimulatedIdentity {
  const digest = (use: string, bytes: Uint8Array = new Uint8Array()) => createHash('sha256').update(`p2pnet simulated ${use}\0${seed}\0`).update(bytes).digest()
  const publicKey = Uint8Array.from(digest('key'))
  const peerId = peerIdOf(publicKey)
  return {
    peerId,
    publicKey,
    sign: (context, bytes) => Uint8Array.from([...digest(context, bytes), ...digest(`${context} again`, bytes)]),
    privateKeyPem: () => { throw new TypeError('a simulated identity has no key to show') },
    prove(statement) {
      const proof = Object.freeze({ peerId, publicKey, statement })
      proofs.add(proof)
      return proof
    }
  }
}

/** Whether the proof was made by whom it names, and for this statement. */
export function proves(proof: Proof, statement: string): boolean {
  return proofs.has(proof) && proof.statement === statement
}
