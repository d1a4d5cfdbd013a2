import { assign, createMachine, enqueueActions } from 'xstate'
import { linkKeeperDefinition } from '../../../actors/link-keeper/index.ts'
import { peerConnectionDefinition } from '../../../actors/peer-connection/index.ts'
import type { ActorDefinition, Driver, DriverContext, DriverFactory } from '../../../actors/seam/index.ts'
import { simulatedDrivers, SimulatedHost, type SimulatedDrivers } from '../../../actors/simulated/index.ts'
import { verifyPingsDefinition } from '../../../actors/verify-pings/index.ts'
import { linkKeeperMachine } from '../../../machines/link-keeper.ts'
import { peerConnectionMachine } from '../../../machines/peer-connection.ts'
import { noLink } from '../../../machines/peer-connection-context.ts'
import { publish } from '../../../machines/publish.ts'
import { AnnouncementHeard, Endpoint, Instance, Level, SendPing, SetGate, TextMessage, type Envelope, type EventOf, type SendAnnouncement } from '../../../proto/index.ts'
import { LocalPeer } from '../../../actors/identity/index.ts'
import type { SimulateOptions } from '../../../runtime/simulation/index.ts'

export interface PlantedBug {
  /** What it does: `a peer that …`. */
  readonly name: string
  readonly invariant: string
  /** The network that brings it out; all is well in it without the bug. */
  readonly scene: SimulateOptions
  readonly plant: SimulateOptions
}

type Change = (context: DriverContext, envelope: Envelope, driver: Driver) => boolean

/** A driver with a bug: where `wrong` returns true, the real one does not get the message. */
export const buggy = (kind: string, name: string, wrong: Change, stops = true): SimulatedDrivers => {
  const factory = simulatedDrivers[kind]![name] as DriverFactory
  return {
    [kind]: {
      ...simulatedDrivers[kind],
      [name]: context => {
        const driver = factory(context)
        return {
          receive: envelope => {
            if (!wrong(context, envelope, driver)) driver.receive(envelope)
          },
          stop: () => stops ? driver.stop?.() : undefined
        }
      }
    }
  }
}

/** A link driver that publishes otherwise. */
const publishing = (otherwise: (publish: DriverContext['publish']) => DriverContext['publish']): SimulatedDrivers => {
  const factory = simulatedDrivers['peer-connection']!['link'] as DriverFactory
  return { 'peer-connection': { link: context => factory({ ...context, publish: otherwise(context.publish), signal: context.signal }) } }
}

/** The machine of a connection, with some of its actions replaced. */
const connection = (actions: Parameters<typeof peerConnectionMachine.provide>[0]['actions']): readonly ActorDefinition[] =>
  [{ ...peerConnectionDefinition, machine: peerConnectionMachine.provide({ actions: actions! }) }]

/** The machine of a link keeper that is told of another bound than its peer has. */
const keeperOf = (maxLinks: number): ActorDefinition => {
  const { config, implementations } = linkKeeperMachine
  const context = config.context as (given: { input: { options: object } }) => object
  return {
    ...linkKeeperDefinition,
    machine: createMachine({ ...config, context: ({ input }: { input: { options: object } }) => context({ input: { ...input, options: { ...input.options, maxLinks } } }) } as never, implementations as never)
  }
}

let pings = 0
const { machine: verifyPingsMachine } = verifyPingsDefinition

const faults = { lossPercent: 1, partition: { perMinute: 2 }, crash: { perPeerHour: 60 }, pause: { perPeerHour: 30 } }

const bugs: readonly (Omit<PlantedBug, 'scene'> & Partial<PlantedBug>)[] = [
  {
    name: 'lets messages pass before they may',
    invariant: 'level-gating',
    plant: {
      drivers: buggy('peer-connection', 'link', (_context, envelope, driver) => {
        if (!(envelope.body instanceof SetGate) || envelope.body.level !== Level.LEVEL_IDENTIFIED) return false
        driver.receive({ ...envelope, body: new SetGate({ ...envelope.body, level: Level.LEVEL_ENHANCED }) } as Envelope)
        return true
      })
    }
  },
  {
    name: 'forgets to close on refusal',
    invariant: 'one-link-per-pair',
    scene: { peer: { maxLinks: 2 } },
    plant: {
      drivers: buggy('peer-connection', 'link', (_context, { type }) => type === 'CloseLink' || type === 'Disconnect', false)
    }
  },
  {
    name: 'keeps the link that it dialled where the other side keeps its own',
    invariant: 'links-stay',
    // Two that always find each other in the same moment.
    scene: { peers: 2, startWithinMs: 0, faults: { delayMs: { min: 20, mean: 20, max: 20 } } },
    plant: { peer: { tune: { 'link-keeper': { peerId: '' } } } }
  },
  {
    name: 'does not reset its level on a reconnect',
    invariant: 'level-gating',
    scene: { faults: { resetsPerPeerHour: 600 } },
    plant: { definitions: connection({
      forgetLink: () => {},
      keepSecured: assign(({ context, event }) => {
        const { peerId, linkId, remote } = (event as unknown as EventOf<'LinkSecured'>).body
        return { ...noLink, level: context.level, verifiedUs: context.verifiedUs, peerId, linkId, remote: { host: remote?.host ?? '', port: remote?.port ?? 0 } }
      })
    } as never) }
  },
  {
    name: 'does not cancel the timer of a ping that was answered',
    invariant: 'links-stay',
    scene: { faults: {} },
    plant: { definitions: connection({ unwatchLife: () => {} } as never) }
  },
  {
    name: 'has a backoff that never grows',
    invariant: 'dial-restraint',
    scene: { faults: { crash: { perPeerHour: 120, ms: { min: 20_000, mean: 20_000, max: 20_000 }, powerPercent: 0 } } },
    plant: { peer: { tune: { 'peer-connection': { backoffMaxMs: 500 } } } }
  },
  {
    name: 'accepts an announcement from itself',
    invariant: 'others-only',
    plant: {
      drivers: buggy('broadcaster', 'udp', (context, { body }) => {
        if (body?.constructor.name !== 'SendAnnouncement') return false
        const { sequence, listenPort } = body as SendAnnouncement
        const { peerId, name, instance } = context.services.get(LocalPeer)
        const own = new Instance(instance)
        context.publish(new AnnouncementHeard({
          peerId, name, sequence, instance: own, endpoint: new Endpoint({ host: '10.0.0.1', port: listenPort }), source: new Endpoint({ host: '10.0.0.1', port: 9 }), via: 'broadcast'
        }), 'discovery-channel/lan')
        return false
      })
    }
  },
  {
    name: 'keeps silent',
    invariant: 'discovery',
    scene: { seconds: 30, faults: { lossPercent: 15 } },
    plant: { drivers: buggy('broadcaster', 'udp', (_context, { type }) => type === 'SendAnnouncement' || type === 'SendAnswer') }
  },
  {
    name: 'holds more links than it may',
    invariant: 'link-limits',
    scene: { peer: { maxLinks: 2 } },
    plant: { definitions: [keeperOf(1_000)] }
  },
  {
    name: 'never notices that the other side is gone',
    invariant: 'closed-on-both-ends',
    scene: { faults: { crash: { perPeerHour: 120, ms: { min: 60_000, mean: 60_000, max: 60_000 }, powerPercent: 100 } } },
    plant: { peer: { tune: { 'peer-connection': { keepAliveIntervalMs: 3_600_000 } } } }
  },
  {
    name: 'tells an actor more at once than its mailbox holds',
    invariant: 'bounded-queues',
    scene: { limits: { maxMailbox: 100 } },
    plant: {
      definitions: [{
        ...verifyPingsDefinition,
        machine: verifyPingsMachine.provide({ actions: {
          tellRtt: enqueueActions(({ enqueue }) => { for (let i = 0; i < 200; i++) enqueue(publish(() => ['link-keeper/main', new TextMessage()])) })
        } } as never)
      }]
    }
  },
  {
    name: 'sends an actor what it does not know',
    invariant: 'all-handled',
    plant: {
      definitions: [{
        ...verifyPingsDefinition,
        machine: verifyPingsMachine.provide({ actions: { tellRtt: publish(() => ['link-keeper/main', new TextMessage()]) } } as never)
      }]
    }
  },
  {
    name: 'never listens',
    invariant: 'convergence',
    plant: { drivers: buggy('listener', 'tcp', (_context, { type }) => type === 'ListenAt') }
  },
  {
    name: 'throws',
    invariant: 'no-throws',
    plant: {
      drivers: buggy('broadcaster', 'udp', (_context, { type }) => {
        if (type === 'SendAnswer') throw new Error('planted')
        return false
      })
    }
  },
  {
    name: 'leaves a timer behind',
    invariant: 'nothing-left',
    plant: {
      drivers: buggy('listener', 'tcp', context => {
        context.services.get(SimulatedHost).after(3_600_000, () => {})
        return false
      })
    }
  },
  {
    name: 'hands on a message twice',
    invariant: 'messages-in-order',
    plant: {
      drivers: publishing(real => (body, ...rest) => {
        real(body, ...rest)
        if (body instanceof TextMessage) real(body, ...rest)
      })
    }
  },
  {
    name: 'depends on something besides the log',
    invariant: 'replay',
    plant: {
      definitions: [{
        ...verifyPingsDefinition,
        machine: verifyPingsMachine.provide({ actions: { ping: publish(({ context }) => [(context as { options: { link: string } }).options.link, new SendPing({ count: 3 + pings++ % 2 })]) } } as never)
      }]
    }
  }
]

export const plantedBugs: readonly PlantedBug[] = bugs.map(bug => ({ ...bug, scene: { peers: 6, seconds: 20, seed: 1, settleSeconds: 60, faults, ...bug.scene } }))
