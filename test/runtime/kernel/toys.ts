import { assign, enqueueActions, setup } from 'xstate'
import { defineActor, type ActorDefinition } from '../../../actors/seam/index.ts'
import { publish, type MachineInput } from '../../../machines/publish.ts'
import { below, draw } from '../../../machines/random.ts'
import {
  DropPeer, LinksChanged, Ping, Pong, SpawnActor, StopActor, TextMessage, Watch, type EventOf
} from '../../../proto/index.ts'

type Input<O = Record<string, unknown>> = MachineInput<O>

/** Answers Ping with Pong, to whoever asked; throws at TextMessage `boom`; finishes at TextMessage `done`. */
export const echoMachine = setup({
  types: {} as { context: Input & { pings: number }; events: EventOf<'Ping' | 'TextMessage'>; input: Input }
}).createMachine({
  context: ({ input }) => ({ ...input, pings: 0 }),
  initial: 'open',
  states: {
    open: {
      on: {
        Ping: {
          actions: [
            assign({ pings: ({ context }) => context.pings + 1 }),
            publish(({ event }) => [event.from, new Pong({ id: (event as EventOf<'Ping'>).body.id })])
          ]
        },
        TextMessage: [
          { guard: ({ event }) => event.body.text === 'done', target: 'closed' },
          {
            guard: ({ event }) => event.body.text === 'boom',
            actions: () => {
              throw new Error('told to')
            }
          }
        ]
      }
    },
    closed: { type: 'final' }
  }
})

export const echo = defineActor({ kind: 'echo', machine: echoMachine })

/** Ticks every `everyMs`, and counts in its context. */
export const ticker = defineActor({
  kind: 'ticker',
  options: { everyMs: 100 },
  machine: setup({
    types: {} as { context: Input<{ everyMs: number }> & { ticks: number }; input: Input<{ everyMs: number }>; events: EventOf<'Ping'> },
    delays: { every: ({ context }) => context.options.everyMs }
  }).createMachine({
    context: ({ input }) => ({ ...input, ticks: 0 }),
    initial: 'on',
    states: {
      on: {
        after: {
          every: {
            target: 'on',
            reenter: true,
            actions: [
              assign({ ticks: ({ context }) => context.ticks + 1 }),
              publish(({ context }) => ['', new LinksChanged({ links: context.ticks })])
            ]
          }
        }
      }
    }
  })
})

/** Says goodbye at Stop, after `lingerMs`; never where it is negative. */
export const polite = defineActor({
  kind: 'polite',
  options: { lingerMs: 50, spawn: '' },
  machine: setup({
    types: {} as {
      context: Input<{ lingerMs: number; spawn: string }>
      input: Input<{ lingerMs: number; spawn: string }>
      events: EventOf<'Stop' | 'Ping' | 'Terminated'>
    },
    delays: { linger: ({ context }) => context.options.lingerMs },
    guards: { leaves: ({ context }) => context.options.lingerMs >= 0 }
  }).createMachine({
    context: ({ input }) => input,
    initial: 'open',
    entry: enqueueActions(({ context, enqueue }) => {
      for (const id of context.options.spawn.split(' ').filter(Boolean)) {
        enqueue(publish(() => ['system', new SpawnActor({ kind: 'polite', id, options: JSON.stringify({ lingerMs: context.options.lingerMs }) })]))
      }
    }),
    states: {
      open: { on: { Stop: { target: 'leaving', actions: publish(({ context }) => [`${context.address}#link`, new TextMessage({ text: 'bye' })]) } } },
      leaving: { after: { linger: { guard: 'leaves', target: 'gone' } } },
      gone: { type: 'final' }
    }
  }),
  drivers: { link: () => ({ receive() {} }) }
})

/** Does what a TextMessage says: `spawn KIND ID [JSON]`, `stop ADDRESS`, `watch ADDRESS`, `tell ADDRESS TEXT`, `ping ADDRESS N`, `boom`, `done`. */
export const puppet: ActorDefinition = defineActor({
  kind: 'puppet',
  listens: [LinksChanged],
  machine: setup({
    types: {} as { context: Input & { heard: string[] }; events: EventOf<'TextMessage' | 'Terminated' | 'SpawnFailed' | 'LinksChanged' | 'Pong'>; input: Input }
  }).createMachine({
    context: ({ input }) => ({ ...input, heard: [] }),
    initial: 'on',
    states: {
      on: {
        on: {
          TextMessage: [
            { guard: ({ event }) => event.body.text === 'done', target: 'off' },
            {
              actions: enqueueActions(({ event, enqueue }) => {
                const [verb, first = '', second = '', ...rest] = event.body.text.split(' ')
                const say = (to: string, body: object) => enqueue(publish(() => [to, body]))
                if (verb === 'boom') throw new Error('told to')
                if (verb === 'spawn') say('system', new SpawnActor({ kind: first, id: second, options: rest.join(' ') }))
                if (verb === 'stop') say('system', new StopActor({ address: first, reason: 'told to' }))
                if (verb === 'watch') say('system', new Watch({ address: first }))
                if (verb === 'tell') say(first, new TextMessage({ text: [second, ...rest].join(' ') }))
                if (verb === 'ping') for (let id = 1; id <= Number(second); id++) say(first, new Ping({ id }))
                if (verb === 'junk') say(first, { text: 'no message' })
                if (verb === 'bad') say(first, Object.defineProperty(new DropPeer(), 'peerId', { get: () => { throw new Error('unreadable') } }))
              })
            }
          ],
          '*': { actions: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) }
        }
      },
      off: { type: 'final' }
    }
  }),
  drivers: { arm: () => ({ receive() {} }) }
})

/** Draws from its stream at each tick: what it announces shows the stream. */
export const dice = defineActor({
  kind: 'dice',
  machine: setup({
    types: {} as { context: Input; input: Input; events: EventOf<'Ping'> },
    delays: { random: ({ context }) => below(context.random, 50)[0] }
  }).createMachine({
    context: ({ input }) => input,
    initial: 'rolling',
    states: {
      rolling: {
        after: {
          random: {
            target: 'rolling',
            reenter: true,
            actions: [
              publish(({ context }) => ['', new LinksChanged({ links: draw(context.random)[0] })]),
              assign({ random: ({ context }) => draw(context.random)[1] })
            ]
          }
        }
      }
    }
  })
})
