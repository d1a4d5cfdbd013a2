import { networkInterfaces } from 'node:os'
import { LocalNetworks } from '../../../actors/lan/local-networks.ts'
import { fine, wrong, type Check, type CheckOptions } from './check.ts'
import { checkClock, checkIdentity } from './here.ts'
import { checkEcho, checkListen, checkPorts } from './sockets.ts'

/** @default of {@link CheckOptions.echoMs} */
const ECHO_MS = 500
/** Addresses from which a datagram is sent; a machine with more has containers. */
const ADDRESSES_MAX = 16

/** Whether this machine can run a peer, one look after another; nothing stays open, and datagrams go to the named interfaces alone. */
export async function* checkMachine({ folder, interfaces, listen, ports, echoMs = ECHO_MS }: CheckOptions): AsyncGenerator<Check, void, void> {
  yield checkIdentity(folder)
  yield checkClock(folder)
  const found = networkInterfaces()
  const { addresses } = new LocalNetworks(found, interfaces)
  yield addresses.length > 0
    ? fine('interfaces', addresses.map(({ name, address, family }) => `${name} ${family === 6 ? address.replace(/%.*$/, '') : address}`).join(', '))
    : wrong('interfaces', 'fail', 'no-interface', `${interfaces.length > 0 ? `none of ${interfaces.join(', ')}` : 'no interface'} has an address to announce from; there are ${Object.keys(found).join(', ') || 'none'}`)
  yield await checkListen(listen)
  if (ports.length > 0) yield await checkPorts(ports)
  for (const address of addresses.slice(0, ADDRESSES_MAX)) yield* await checkEcho(address, echoMs)
}
