import { assign, setup } from 'xstate'
import { CertificateShown, CheckCertificate, PresentCertificate, type EventOf } from '../proto/index.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { passes, refuses, stepContext, stepDefaults, type StepContext, type StepOptions } from './verify-step.ts'

interface Context extends StepContext<StepOptions> {
  readonly driver: string
  /** What the other side has shown. */
  readonly shown: { readonly certificate: Uint8Array; readonly proof: Uint8Array } | null
}

type Events = EventOf<'CertificatePresented' | 'CertificateShown' | 'CertificateChecked'>

const STEP = 'authority'

const say = (make: Parameters<typeof publish<Context, Events, Events>>[0]) => publish<Context, Events, Events>(make)

/** Verification by a certificate of an authority: each side shows its own, and whoever demands one has it checked. */
export const verifyAuthorityMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<StepOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  guards: {
    first: ({ context }) => context.shown === null,
    shownAndDemanded: ({ context }) => context.shown !== null && context.options.demanded,
    shown: ({ context }) => context.shown !== null,
    wrong: ({ event }) => event.type === 'CertificateChecked' && event.body.code !== ''
  },
  actions: {
    present: say(({ context }) => [context.driver, new PresentCertificate()]),
    show: say(({ context, event }) => [context.options.link, new CertificateShown((event as EventOf<'CertificatePresented'>).body)]),
    keepShown: assign({
      shown: ({ event }) => {
        const { certificate, proof } = (event as EventOf<'CertificateShown'>).body
        return { certificate, proof }
      }
    }),
    check: say(({ context }) => [context.driver, new CheckCertificate(context.shown ?? {})]),
    pass: say(({ context }) => passes(context, STEP)),
    refuse: say(({ context, event }) => {
      const { code, reason } = (event as EventOf<'CertificateChecked'>).body
      return refuses(context, STEP, code, reason)
    }),
    refuseTurn: say(({ context }) => refuses(context, STEP, 'step-order', 'a certificate came a second time'))
  }
}).createMachine({
  id: 'verify-authority',
  description: 'A verification step: the other side shows a certificate that a trusted authority has signed.',
  context: ({ input }) => ({ ...stepContext(input, stepDefaults), driver: `${input.address}#certificate`, shown: null }),
  initial: 'presenting',
  on: { CertificateShown: [{ guard: 'first', actions: 'keepShown' }, { target: '.refused', actions: 'refuseTurn' }] },
  states: {
    presenting: {
      description: 'The driver signs for this session what we have to show.',
      entry: 'present',
      on: { CertificatePresented: { target: 'listening', actions: 'show' } }
    },
    listening: {
      description: 'Ours is shown; the other side is to show its own.',
      always: [{ guard: 'shownAndDemanded', target: 'checking' }, { guard: 'shown', target: 'passed', actions: 'pass' }]
    },
    checking: {
      description: 'The driver checks signatures, subject and time.',
      entry: 'check',
      on: {
        CertificateChecked: [
          { guard: 'wrong', target: 'refused', actions: 'refuse' },
          { target: 'passed', actions: 'pass' }
        ]
      }
    },
    passed: { description: 'The authority vouches for it, or only the other side wanted to know.', type: 'final' },
    refused: { description: 'It showed nothing that counts.', type: 'final' }
  }
})
