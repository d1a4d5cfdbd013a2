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

/** Stands for a signature without its cost; nobody in a simulation makes one with a key that is not its own. */
export function simulatedSignature(publicKey: Uint8Array, context: string, bytes: Uint8Array): Uint8Array {
  return createHash('sha512').update('p2pnet simulated signature\0').update(publicKey).update(`${context}\0`).update(bytes).digest()
}

/** @param seed makes the identity; another seed makes another */
export function simulatedIdentity(seed: string): SimulatedIdentity {
  const publicKey = Uint8Array.from(createHash('sha256').update(`p2pnet simulated key\0${seed}\0`).digest())
  const peerId = peerIdOf(publicKey)
  return {
    peerId,
    publicKey,
    sign: (context, bytes) => simulatedSignature(publicKey, context, bytes),
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
