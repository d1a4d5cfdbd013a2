import { readFileSync } from 'node:fs'
import { usualFaults, type FaultOptions, type Scene } from '../../runtime/simulation/index.ts'

const harsh = JSON.parse(readFileSync(new URL('../runtime/simulation/harsh.json', import.meta.url), 'utf8')) as FaultOptions

const PEERS_MIN = 8
const PEERS_MAX = 32
const SECONDS = 30

/** All hear each other. */
const TRIMMED_PEERS = 200
const MARKS = [4, 5, 6, 8]

/** The network of a seed whose peers keep only some links. */
export function trimmedOptionsOf(seed: number, peers = TRIMMED_PEERS): Scene {
  return {
    peers, seconds: SECONDS, seed, faults: usualFaults, replayed: 2, settleSeconds: 300, topology: { peersPerSubnet: TRIMMED_PEERS },
    peer: { maxLanLinks: MARKS[seed % MARKS.length]! }
  }
}

const TRUST_PEERS = 12
const TRUST_SECONDS = 10

/** The network of a seed whose peers verify each other by every built-in step. */
export function trustingOptionsOf(seed: number): Scene {
  return { ...optionsOf(seed), peers: TRUST_PEERS, seconds: TRUST_SECONDS, replayed: 2, trust: ['pings', 'allowlist', 'secret', 'authority', 'ask'] }
}

/** The network of a seed: 8 to 32 peers, and the usual faults or, for even seeds, harsh ones. */
export function optionsOf(seed: number): Scene {
  const peers = PEERS_MIN + (Math.imul(seed, 0x9e37_79b1) >>> 8) % (PEERS_MAX - PEERS_MIN + 1)
  return { peers, seconds: SECONDS, seed, faults: seed % 2 === 0 ? harsh : usualFaults, replayed: 8 }
}
