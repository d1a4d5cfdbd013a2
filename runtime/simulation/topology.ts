import { Machine } from './machine.ts'
import type { Random } from './random.ts'

/** How the machines are connected. */
export interface Topology {
  /** Peers of one subnet, which hear each other's broadcasts; 1 to 250. @default 50 */
  readonly peersPerSubnet: number
  /** Machines that have a second interface in the next subnet, in percent. @default 0 */
  readonly multihomedPercent: number
  /** Routers carry unicast between subnets; the whole network then has one clock and runs on one core. @default false */
  readonly routed: boolean
}

export const defaultTopology: Topology = { peersPerSubnet: 50, multihomedPercent: 0, routed: false }

/**
 * The machines of a network, with an address in 10.0.0.0/8 for every interface; each subnet is a /24.
 * @param first number of the first subnet
 */
export function machinesOf(count: number, { peersPerSubnet, multihomedPercent }: Topology, first: number, random: Random): Machine[] {
  const subnets = Math.ceil(count / peersPerSubnet)
  const used = new Map<number, number>()
  return Array.from({ length: count }, (_, index) => {
    const machine = new Machine(index)
    const home = Math.floor(index / peersPerSubnet)
    attach(machine, 'eth0', first + home, used)
    if (subnets > 1 && random.percent(multihomedPercent)) attach(machine, 'eth1', first + (home + 1) % subnets, used)
    return machine
  })
}

function attach(machine: Machine, name: string, subnet: number, used: Map<number, number>): void {
  const host = (used.get(subnet) ?? 0) + 1
  if (host > 254) return
  used.set(subnet, host)
  const prefix = `10.${subnet >> 8}.${subnet & 255}`
  machine.nics.push({ name, address: `${prefix}.${host}`, broadcast: `${prefix}.255`, subnet, machine, number: machine.nics.length, luck: new Map(), up: true })
}
