import { availableParallelism } from 'node:os'
import { onThreads } from '../../runtime/cli/simulate-threads.ts'
import { islandsOf, resultOf, usualFaults } from '../../runtime/simulation/index.ts'

/** As `p2pnet simulate --peers 1000 --seconds 60 --seed 1`: subnets of 50, the usual faults, each subnet on a thread. */
export async function simulateBench(peers = 1_000, threads = availableParallelism()): Promise<void> {
  const options = { peers, seconds: 60, seed: 1, faults: usualFaults }
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  const results = []
  for await (const result of onThreads(islandsOf(options), false, threads)) results.push(result)
  const { stats, violations, digest } = resultOf(options, results, began)
  const { user, system } = process.cpuUsage(cpu)
  const cpuSeconds = (user + system) / 1e6
  console.log('peers   threads   wall s   CPU s   CPU s a peer and minute   RSS MiB   messages on the buses   violations')
  console.log([
    String(peers).padStart(5), String(threads).padStart(9), (stats.wallMs / 1_000).toFixed(1).padStart(8), cpuSeconds.toFixed(1).padStart(7),
    (cpuSeconds / peers).toFixed(3).padStart(25), String(Math.round(process.resourceUsage().maxRSS / 1_024)).padStart(9),
    String(stats.outputs).padStart(23), String(violations.length).padStart(12)
  ].join(' '))
  console.log(`digest ${digest}`)
}
