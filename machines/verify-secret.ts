import { assign, setup } from 'xstate'
import { CheckProof, DrawNonce, MakeProof, SecretChallenge, SecretProof, type EventOf } from '../proto/index.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { passes, refuses, stepContext, stepDefaults, type StepContext, type StepOptions } from './verify-step.ts'

export interface VerifySecretOptions extends StepOptions {
  /**
   * For the other side's proof, from its challenge on, in milliseconds; until then the connection's own time for
   * verification runs. @default 10000, some round trips of the slowest path
   */
  readonly timeoutMs: number
}

export const verifySecretDefaults: VerifySecretOptions = { ...stepDefaults, timeoutMs: 10_000 }

interface Context extends StepContext<VerifySecretOptions> {
  readonly driver: string
  /** The other side's nonce. */
  readonly theirs: Uint8Array
}

type Events = EventOf<'NonceDrawn' | 'ProofMade' | 'ProofChecked' | 'SecretChallenge' | 'SecretProof'>

const STEP = 'secret'
const NONCE_BYTES = 32
const PROOF_BYTES = 32

const say = (make: Parameters<typeof publish<Context, Events, Events>>[0]) => publish<Context, Events, Events>(make)
const outOfTurn = { target: '#verify-secret.refused', actions: 'refuseTurn' } as const

/**
 * Verification by the network key: each side sends a fresh nonce, then proves the key for both. Who dialled proves first,
 * so that who does not know the key and calls everybody learns nothing to test keys with.
 */
export const verifySecretMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<VerifySecretOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  delays: { timeout: ({ context }) => context.options.timeoutMs },
  guards: {
    isNonce: ({ event }) => event.type === 'SecretChallenge' && event.body.nonce.length === NONCE_BYTES,
    isFirstNonce: ({ context, event }) => event.type === 'SecretChallenge' && event.body.nonce.length === NONCE_BYTES && context.theirs.length === 0,
    isProof: ({ event }) => event.type === 'SecretProof' && event.body.proof.length === PROOF_BYTES,
    challengedDialler: ({ context }) => context.theirs.length > 0 && context.options.direction === 'out',
    challenged: ({ context }) => context.theirs.length > 0,
    dialled: ({ context }) => context.options.direction === 'out',
    wrong: ({ event }) => event.type === 'ProofChecked' && event.body.code !== ''
  },
  actions: {
    drawNonce: say(({ context }) => [context.driver, new DrawNonce()]),
    challenge: say(({ context, event }) => [context.options.link, new SecretChallenge({ nonce: (event as EventOf<'NonceDrawn'>).body.nonce })]),
    keepNonce: assign({ theirs: ({ event }) => (event as EventOf<'SecretChallenge'>).body.nonce }),
    makeProof: say(({ context }) => [context.driver, new MakeProof({ nonce: context.theirs })]),
    prove: say(({ context, event }) => [context.options.link, new SecretProof({ proof: (event as EventOf<'ProofMade'>).body.proof })]),
    check: say(({ context, event }) => [context.driver, new CheckProof({ nonce: context.theirs, proof: (event as EventOf<'SecretProof'>).body.proof })]),
    pass: say(({ context }) => passes(context, STEP)),
    refuse: say(({ context, event }) => {
      const { code, reason } = (event as EventOf<'ProofChecked'>).body
      return refuses(context, STEP, code, reason)
    }),
    refuseTurn: say(({ context, event }) => refuses(context, STEP, 'step-order', `${event.type} came out of turn or malformed`)),
    refuseLate: say(({ context }) => refuses(context, STEP, 'step-timeout', `the key was not proved within ${context.options.timeoutMs} ms`))
  }
}).createMachine({
  id: 'verify-secret',
  description: 'A verification step: both sides prove that they know the network key, in this TLS session.',
  context: ({ input }) => ({ ...stepContext(input, verifySecretDefaults), driver: `${input.address}#proof`, theirs: new Uint8Array() }),
  initial: 'drawing',
  on: { SecretChallenge: outOfTurn, SecretProof: outOfTurn },
  states: {
    drawing: {
      description: 'The driver draws a nonce. The other side may be quicker.',
      entry: 'drawNonce',
      on: {
        SecretChallenge: [{ guard: 'isFirstNonce', actions: 'keepNonce' }, outOfTurn],
        NonceDrawn: { target: 'calling', actions: 'challenge' }
      }
    },
    calling: {
      description: 'Our nonce is out; the other side may still be at an earlier step.',
      always: [{ guard: 'challengedDialler', target: 'proving' }, { guard: 'challenged', target: 'listening' }],
      on: { SecretChallenge: [{ guard: 'isNonce', actions: 'keepNonce' }, outOfTurn] }
    },
    proving: {
      description: 'The driver proves the key for both nonces.',
      entry: 'makeProof',
      on: {
        ProofMade: [
          { guard: 'dialled', target: 'listening', actions: 'prove' },
          { target: 'passed', actions: ['prove', 'pass'] }
        ]
      }
    },
    listening: {
      description: 'The other side is to prove it.',
      on: { SecretProof: [{ guard: 'isProof', target: 'checking' }, outOfTurn] },
      after: { timeout: { target: 'refused', actions: 'refuseLate' } }
    },
    checking: {
      description: 'The driver compares the proofs.',
      entry: 'check',
      on: {
        ProofChecked: [
          { guard: 'wrong', target: 'refused', actions: 'refuse' },
          { guard: 'dialled', target: 'passed', actions: 'pass' },
          { target: 'proving' }
        ]
      }
    },
    passed: { description: 'Both know the key.', type: 'final' },
    refused: { description: 'The other side did not prove it.', type: 'final' }
  }
})
