import { describe, expect, it } from '@jest/globals'
import { createActor, type AnyMachineSnapshot, type EventObject } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { peerConnectionMachine } from '../../machines/peer-connection.ts'
import {
  CloseRequested, DialFailed, DialOpened, Disconnect, LinkAdmitted, LinkClosed, LinkSecured, StepPassed, StepRefused, Verified, type Message
} from '../../proto/index.ts'
import { typeName, classOf } from '../../proto/index.ts'
import { HeapClock } from '../../runtime/kernel/clock.ts'
import { ADDRESS, identify, KEEPER, NETWORK, STEP } from './connection-run.ts'

const event = (body: Message, from = ''): EventObject => ({ type: typeName(classOf(body)), body, from } as EventObject)

// The first attempt is the only one that succeeds, so that the paths end.
const events: EventObject[] = [
  event(new DialOpened({ attempt: 1 })),
  event(new DialFailed({ attempt: 1, code: 'dial-refused' })),
  event(new LinkSecured({ attempt: 1, peerId: 'bea', linkId: 'l' })),
  event(identify()),
  event(identify({ versions: [2] })),
  event(new LinkAdmitted()),
  event(new StepPassed({ step: 'pings' }), STEP),
  event(new StepRefused({ step: 'pings', code: 'ping-timeout' }), STEP),
  event(new Verified()),
  event(new Disconnect({ code: 'shutdown' })),
  event(new LinkClosed({ code: 'lost' })),
  { type: 'xstate.after.dialTimeout.peer-connection.opening' },
  { type: 'xstate.after.verifyTimeout.peer-connection.secured.rung.verifying' },
  { type: 'xstate.after.keepAliveInterval.peer-connection.secured.keepAlive.resting' },
  { type: 'xstate.after.keepAliveTimeout.peer-connection.secured.keepAlive.probing' },
  { type: 'xstate.after.closeTimeout.peer-connection.closing' }
]

const input = { address: ADDRESS, parent: KEEPER, random: 1, options: { peerId: 'bea', network: NETWORK, endpoints: [{ host: 'h', port: 1 }] } }

// What decides about the way on; the rest of the context would make every path a state of its own.
const serializeState = ({ value, context }: AnyMachineSnapshot) => JSON.stringify([value, context.verifiedUs, context.ending.again, context.attempt, context.level])

describe('every state of a connection', () => {
  const paths = getShortestPaths(peerConnectionMachine, { input, events: events as never, serializeState: serializeState as never })

  it('is reached by some way', () => {
    const reached = new Set(paths.map(({ state }) => JSON.stringify(state.value)))
    for (const rung of ['identifying', 'admitting', 'verifying', 'basic', 'enhanced']) {
      expect([...reached].some(value => value.includes(rung))).toBe(true)
    }
    for (const state of ['{"opening":"dialing"}', '{"opening":"securing"}', '"closing"', '"backoff"', '"closed"']) expect(reached).toContain(state)
  })

  it('is left for good by one request to close, within the time to linger, and leaves no timer', () => {
    for (const { steps } of paths) {
      const clock = new HeapClock()
      const actor = createActor(peerConnectionMachine, { input, clock: clock.ownedBy('test') as never })
      actor.start()
      for (const step of steps.slice(1)) actor.send(step.event)
      if (actor.getSnapshot().status === 'active') actor.send(event(new CloseRequested({ code: 'dropped' })) as never)
      clock.advanceTo(1_000)
      expect(actor.getSnapshot().value).toBe('closed')
      expect(clock.size).toBe(0)
    }
  })

  it('never passes data before both sides verified each other', () => {
    for (const { state, steps } of paths) {
      const { level } = (state as AnyMachineSnapshot).context
      const types = steps.map(step => step.event.type)
      if (level >= 3) expect(types).toContain('StepPassed')
      if (level >= 4) expect(types).toContain('Verified')
    }
  })
})
