import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import { dataFolder, isPeerId } from '../../../actors/identity/index.ts'
import { fileTransfer } from '../../../actors/file-transfer/index.ts'
import { parseHostPort, parsePeer, type LogLevel, type PeerOptions } from '../../peer/options.ts'
import { formatEndpoint } from '../../peer/roster.ts'
import { UsageError } from '../errors.ts'
import { admissionOptions, type AdmissionValues } from './admission.ts'
import { trustOptions, type StepName } from './trust.ts'

/** The options of `p2pnet up`, as commander gives them. */
export interface UpValues extends AdmissionValues {
  readonly name?: string
  readonly network: string
  readonly data?: string
  readonly listen?: string
  readonly interface?: readonly string[]
  readonly lan: boolean
  readonly ports?: readonly number[]
  readonly peer?: readonly string[]
  readonly maxLinks?: number
  readonly maxLanLinks?: number
  readonly maxWanLinks?: number
  readonly inbox?: string
  readonly record?: string
  readonly keep?: string
  readonly keyFile?: string
  readonly trust?: readonly StepName[]
  readonly allow?: readonly string[]
  readonly authority?: readonly string[]
  readonly certificate?: string
  readonly logLevel: LogLevel
  readonly json?: true
  readonly wait?: true
  readonly stopWithStdin?: true
}

/**
 * What createPeer is to be given.
 * @throws UsageError for options that contradict each other, for a key that is none, and for hostnames that lead nowhere
 */
export async function peerOptions(values: UpValues): Promise<PeerOptions> {
  contradictions(values)
  if (values.listen !== undefined) parseHostPort(values.listen)
  return {
    dir: resolve(values.data ?? dataFolder()),
    network: values.network,
    lan: values.lan && (values.ports === undefined || { ports: values.ports }),
    peers: await resolvePeers(values.peer ?? []),
    actors: [fileTransfer(values.inbox === undefined ? {} : { inbox: resolve(values.inbox) })],
    ...trustOptions(values, process.env['P2PNET_KEY']),
    ...(values.name !== undefined && { name: values.name }),
    ...(values.listen !== undefined && { listen: values.listen }),
    ...(values.interface !== undefined && { interfaces: values.interface }),
    ...admissionOptions(values),
    ...(values.maxLinks !== undefined && { maxLinks: values.maxLinks }),
    ...(values.maxLanLinks !== undefined && { maxLanLinks: values.maxLanLinks }),
    ...(values.maxWanLinks !== undefined && { maxWanLinks: values.maxWanLinks }),
    ...(values.record !== undefined && { record: { file: resolve(values.record), ...(values.keep !== undefined && { keep: values.keep }) } })
  }
}

/** Interfaces that were named but are not there now; they are used when they come. */
export function absentInterfaces(names: readonly string[] = []): { absent: string[]; present: string[] } {
  const present = Object.keys(networkInterfaces())
  return { absent: names.filter(name => name !== 'loopback' && !present.includes(name)), present }
}

function contradictions({ inbound, listen, lan, ports, record, keep }: UpValues): void {
  if (keep !== undefined && record === undefined) throw new UsageError('--keep says how much of the log to keep and --record names its file: give both')
  if (!inbound && listen !== undefined) throw new UsageError('--listen says where to accept links and --no-inbound accepts none: leave one out')
  if (!lan && ports !== undefined) throw new UsageError('--ports is for discovery on the local network and --no-lan turns that off: leave one out')
}

/** Places by address: a name may have several, and who named one wants to know at once when it has none. */
async function resolvePeers(peers: readonly string[]): Promise<string[]> {
  return (await Promise.all(peers.map(async text => {
    const { peerId, host, port } = parsePeer(text)
    if (isIP(host.replace(/%.*$/, '')) !== 0) return [text]
    const found = await lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`--peer ${text}: cannot find the address of '${host}' (${error.code}): check the name, or give the address itself`)
    })
    return found.map(({ address }) => `${isPeerId(peerId) ? `${peerId}@` : ''}${formatEndpoint({ host: address, port })}`)
  }))).flat()
}
