// One peer's LAN discovery as a process: JSON lines out, `start` and `quit` in. Its one argument is its options as JSON.
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { createMachine } from 'xstate'
import { Identity, LocalPeer, generateIdentity, localPeer } from '../../../actors/identity/index.ts'
import { lan, type LanOptions } from '../../../actors/lan/index.ts'
import { Services, defineActor } from '../../../actors/seam/index.ts'
import { publish } from '../../../machines/publish.ts'
import {
  AnnouncementHeard, ChannelOpened, DeadLetter, DiscoveryStarted, DriverCounts, Endpoint, InterfacesChanged, Listening, PeerHeard, Registry, SendAnnouncement,
  SendAnswer
} from '../../../proto/index.ts'
import { Kernel } from '../../../runtime/kernel/index.ts'
import { DriverHost } from '../../../runtime/peer/driver-host.ts'
import { LiveClock } from '../../../runtime/peer/live-clock.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as LanOptions
const identity = generateIdentity()
const services = new Services()
services.provide(Identity, identity)
services.provide(LocalPeer, localPeer(identity))

/** Stands for the listener: no links are accepted here. */
const listening = defineActor({
  kind: 'listening',
  machine: createMachine({
    entry: publish(() => ['', new Listening({ endpoints: [new Endpoint({ host: '0.0.0.0', port: 4_000 }), new Endpoint({ host: '::', port: 4_000 })] })])
  })
})

const registry = new Registry()
const host = new DriverHost({ registry, services, log: pino({ level: 'silent' }), links: () => ({ send: () => false, connected: () => [] }) })
const kernel = new Kernel({ seed: randomBytes(32), actors: [...lan(options), { definition: listening }], registry, shell: host })
const clock = new LiveClock(kernel)
host.connect((body, address) => clock.enter(() => kernel.input(body, address)))

const say = (event: string, fields: object): void => {
  process.stdout.write(`${JSON.stringify({ event, at: performance.timeOrigin + performance.now(), ...fields })}\n`)
}
const plain = (body: object) => JSON.parse(JSON.stringify(body)) as object

const open = { ports: false, interfaces: false }
const ready = (what: 'ports' | 'interfaces'): void => {
  if (open[what]) return
  open[what] = true
  if (open.ports && open.interfaces) say('ready', { peerId: identity.peerId })
}
kernel.bus.of(ChannelOpened).subscribe(() => ready('ports'))
kernel.bus.of(InterfacesChanged).subscribe(({ body }) => {
  say('interfaces', plain(body))
  ready('interfaces')
})
kernel.bus.of(AnnouncementHeard).subscribe(({ body, time }) => say('heard', { ...plain(body), time }))
kernel.bus.of(PeerHeard).subscribe(({ body }) => say('peer', plain(body)))
kernel.bus.of(SendAnnouncement).subscribe(({ body }) => say('announced', plain(body)))
kernel.bus.of(SendAnswer).subscribe(({ body, time }) => say('answered', { ...plain(body), time }))
kernel.bus.of(DriverCounts).subscribe(({ body, from }) => say('counts', { from, ...plain(body) }))
kernel.bus.of(DeadLetter).subscribe(({ body }) => say('dead-letter', plain(body)))

clock.start(() => kernel.start())

createInterface({ input: process.stdin }).on('line', line => {
  if (line === 'start') clock.enter(() => kernel.input(new DiscoveryStarted(), { from: 'host' }))
  if (line === 'quit') {
    kernel.onStopped(() => void host.stopped().then(() => {
      clock.stop()
      process.stdin.destroy()
    }))
    clock.enter(() => kernel.stop('quit'))
  }
})
