import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { shrunkRun, tellShrunk } from '../../runtime/cli/simulate-shrink.ts'
import { onThreads } from '../../runtime/cli/simulate-threads.ts'
import { joined } from '../../runtime/simulation/index.ts'
import { optionsOf, trimmedOptionsOf, trustingOptionsOf } from './options.ts'

// Many networks, each from its seed: npm run seeds -- [--seeds 2000] [--from 1] [--threads N] [--out DIR] [--trim | --trust]

/** Failing seeds that are shrunk; one bug fails in many. */
const SHRUNK_MAX = 3
const PROGRESS_MS = 10_000

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
    out: { type: 'string', default: 'failures' },
    trim: { type: 'boolean', default: false },
    trust: { type: 'boolean', default: false }
  }
})
const [count, from, threads] = [values.seeds, values.from, values.threads].map(Number) as [number, number, number]
const networkOf = values.trim ? (seed: number) => trimmedOptionsOf(seed) : values.trust ? trustingOptionsOf : optionsOf
const runs = Array.from({ length: count }, (_, index) => networkOf(from + index))

const began = performance.now()
const cpu = process.cpuUsage()
const digests: string[] = []
let failed = 0
let settledMs = 0
let told = began
for await (const { seed, peers, violations, digest, stats } of onThreads(runs, true, threads)) {
  digests.push(digest)
  settledMs = Math.max(settledMs, stats.settledAfterMs ?? 0)
  if (violations.length > 0 && ++failed <= SHRUNK_MAX) {
    const { invariant, atMs, message } = violations[0]!
    console.log(`seed ${seed}, ${peers} peers, ${(atMs / 1_000).toFixed(3)} s, ${invariant}: ${message}`)
    tellShrunk(await shrunkRun(networkOf(seed), invariant, { shrink: true, shrinkRuns: 300, out: values.out }))
  } else if (violations.length > 0) {
    console.log(`seed ${seed}, ${peers} peers: ${violations[0]!.invariant}`)
  }
  if (performance.now() - told < PROGRESS_MS) continue
  told = performance.now()
  console.error(`${digests.length} of ${count} seeds, ${failed} failed, ${Math.round((told - began) / 1_000)} s`)
}
const { user, system } = process.cpuUsage(cpu)
console.log(`${count} seeds from ${from}, ${failed} failed; well at the latest ${(settledMs / 1_000).toFixed(1)} s after the faults ended`)
console.log(`${Math.round((performance.now() - began) / 1_000)} s on ${threads} threads, ${((user + system) / 1e6 / count).toFixed(2)} CPU seconds a seed; digest ${joined(digests)}`)
if (failed > 0) process.exitCode = 1
