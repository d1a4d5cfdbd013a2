// An actor of your own: a counter that all peers share. Each peer counts for itself and tells the
// others how far it is; the sum is the same everywhere (a grow-only counter, Shapiro et al., 2011).
//
// Its messages are in counter/v1/counter.proto; their classes come from protobufjs:
//   npx pbjs -t static-module -w esm --dts -o examples/generated/counter.js examples/counter/v1/counter.proto
// Run: npm run build && npm run ts examples/custom-actor.ts
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPeer, defineActor, PeerVerified, type Envelope, type EventOf } from 'p2pnet'
import { publish, type Outgoing } from 'p2pnet/machines'
import { replay } from 'p2pnet/testing'
import { filter, firstValueFrom } from 'rxjs'
import { assign, setup } from 'xstate'
import { counter as messages } from './generated/counter.js'

const { Increment, Count, Total } = messages.v1

type Event =
  | Envelope<'counter.v1.Increment', messages.v1.Increment>
  | Envelope<'counter.v1.Count', messages.v1.Count>
  | EventOf<'PeerVerified'>

interface Context {
  own: number
  others: Record<string, number>
}

const total = ({ own, others }: Context) => Object.values(others).reduce((sum, count) => sum + count, own)

// A statechart: no sockets, no clock, no promises. An event is a message; an action publishes one.
const machine = setup({
  types: { context: {} as Context, events: {} as Event, emitted: {} as Outgoing },
  actions: {
    tellTotal: publish(({ context }: { context: Context; event: Event }) => ['', new Total({
      value: total(context), peers: 1 + Object.keys(context.others).length
    })])
  }
}).createMachine({
  id: 'counter',
  context: { own: 0, others: {} },
  on: {
    'counter.v1.Increment': {
      actions: [
        assign({ own: ({ context, event }) => context.own + event.body.by }),
        publish(({ context }) => ['peer/*', new Count({ value: context.own })]),
        'tellTotal'
      ]
    },
    // What another peer sent comes from `peer/PEERID`.
    'counter.v1.Count': {
      actions: [assign({ others: ({ context, event }) => ({ ...context.others, [event.from]: event.body.value }) }), 'tellTotal']
    },
    PeerVerified: { actions: publish(({ context, event }) => [`peer/${event.body.peerId}`, new Count({ value: context.own })]) }
  }
})

export const counter = defineActor({
  kind: 'counter',
  machine,
  listens: [Count, PeerVerified],
  messages: [Increment, Total],
  wire: [{ type: Count }]
})

const folder = mkdtempSync(join(tmpdir(), 'counter-'))
const record = join(folder, 'ann.p2plog')
const network = process.argv[2] ?? 'counter'
const ann = createPeer({ name: 'ann', network, interfaces: ['loopback'], actors: [counter], record })
const bob = createPeer({ name: 'bob', network, interfaces: ['loopback'], actors: [counter] })

const together = firstValueFrom(ann.bus.of(Total).pipe(filter(({ body }) => body.value === 42)))
await Promise.all([ann.start(), bob.start()])
ann.publish(new Increment({ by: 2 }), { to: 'counter/main' })
bob.publish(new Increment({ by: 40 }), { to: 'counter/main' })
const { body } = await together
console.log(`ann and bob have counted to ${body.value} together`)
await Promise.all([ann.stop(), bob.stop()])

// The log of ann's run, fed to a fresh counter: every message comes out the same, byte for byte.
const { outputs, differences } = await replay(record, { definitions: [counter] })
console.log(`replayed: ${outputs} messages, ${differences} differences`)
rmSync(folder, { recursive: true })
