import { setup, type EventObject } from 'xstate'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { passes, refuses, stepContext, stepDefaults, type StepContext, type StepOptions } from './verify-step.ts'

export interface VerifyAllowlistOptions extends StepOptions {
  /** PeerIds that pass. @default [] */
  readonly allow: readonly string[]
}

export const verifyAllowlistDefaults: VerifyAllowlistOptions = { ...stepDefaults, allow: [] }

const STEP = 'allowlist'

type Context = StepContext<VerifyAllowlistOptions>

/** Verification by a list of PeerIds; TLS has proved the PeerId already. */
export const verifyAllowlistMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<VerifyAllowlistOptions>>,
    events: {} as EventObject,
    emitted: {} as Outgoing
  },
  guards: {
    allowed: ({ context: { options: { allow, peerId } } }) => allow.includes(peerId)
  },
  actions: {
    pass: publish<Context, EventObject, EventObject>(({ context }) => passes(context, STEP)),
    refuse: publish<Context, EventObject, EventObject>(({ context }) => refuses(context, STEP, 'not-allowed'))
  }
}).createMachine({
  id: 'verify-allowlist',
  description: 'A verification step: is the PeerId among those that are allowed?',
  context: ({ input }) => stepContext(input, verifyAllowlistDefaults),
  initial: 'looking',
  states: {
    looking: {
      description: 'Looks it up.',
      always: [{ guard: 'allowed', target: 'passed', actions: 'pass' }, { target: 'refused', actions: 'refuse' }]
    },
    passed: { description: 'It is allowed.', type: 'final' },
    refused: { description: 'It is not.', type: 'final' }
  }
})
